import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];
export type Loc = readonly (string | number)[];

/** An answer that is not a success: its problem body, or what can be said without one. */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly fields: readonly { loc: Loc; msg: string }[];

  constructor(status: number, body: Partial<Problem> | null) {
    super(body?.detail ?? body?.title ?? statusText(status));
    this.name = "ProblemError";
    this.status = status;
    this.code = body?.code ?? (status === 0 ? "unreachable" : `http_${String(status)}`);
    this.requestId = body?.request_id ?? null;
    this.fields = body?.errors ?? [];
  }
}

function statusText(status: number): string {
  if (status === 0) return "The config API does not answer. Check that it is running, then try again.";
  if (status === 502 || status === 503 || status === 504)
    return "The config API cannot be reached at the moment.";
  return `The config API answered with status ${String(status)}.`;
}

export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  return new ProblemError(0, null);
}

/** `loc` of a 422 without the part of the request that it stands in. */
export function fieldPath(loc: Loc): string {
  const [first, ...rest] = loc;
  const inside = first === "body" || first === "query" || first === "path" ? rest : loc;
  return inside.join(".");
}

/** Messages by form field; those of fields that the form does not have come under "". */
export function formErrors(error: ProblemError, known: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { loc, msg } of error.fields) {
    const path = fieldPath(loc);
    const field = longestMatch(path, known);
    const text = field === "" && path !== "" ? `${path}: ${sentence(msg)}` : sentence(msg);
    found[field] = found[field] ? `${found[field]} ${text}` : text;
  }
  if (error.fields.length === 0) found[""] = error.message;
  return found;
}

function longestMatch(path: string, known: readonly string[]): string {
  return known
    .filter((name) => path === name || path.startsWith(`${name}.`))
    .reduce((best, name) => (name.length > best.length ? name : best), "");
}

/** Validators prefix their texts; people need only the sentence. */
export function sentence(message: string): string {
  const text = message.replace(/^(Value error|Assertion failed), /, "");
  const isMissing = text === "Field required" || /^(String|Value) should have at least 1 /.test(text);
  const whole = isMissing ? "This is needed" : text;
  const first = whole.charAt(0).toUpperCase() + whole.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
