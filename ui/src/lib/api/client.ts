import createClient, { type Middleware } from "openapi-fetch";
import { apiPrefix } from "../page-facts";
import { ProblemError, type Problem } from "./problem";
import type { components, paths } from "./schema";
import { accessToken, dropSession, refreshSession } from "./session";

export type Schemas = components["schemas"];
/** The prefix as the types have it; that of the installation takes its place when a request is sent. */
export const PREFIX = "/api/v1";
const TYPED_BASE = location.origin + PREFIX;
const BASE = location.origin + apiPrefix;

const authorize: Middleware = {
  onRequest({ request }) {
    const token = accessToken();
    if (token) request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
};

async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await fetch(request);
  if (response.status !== 401 || !accessToken()) return response;
  if (!(await refreshSession())) {
    dropSession();
    return response;
  }
  again.headers.set("Authorization", `Bearer ${accessToken() ?? ""}`);
  return fetch(again);
}

function sendTyped(request: Request): Promise<Response> {
  if (BASE === TYPED_BASE || !request.url.startsWith(`${TYPED_BASE}/`)) return send(request);
  return send(new Request(BASE + request.url.slice(TYPED_BASE.length), request));
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: sendTyped });
api.use(authorize);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer, or a thrown ProblemError. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await reach(answer);
  if (!response.ok) throw new ProblemError(response.status, asProblem(error));
  return data as T;
}

export interface Page<T> {
  items: T[];
  total: number;
}

export async function unwrapPage<T>(answer: Promise<Answer<T[]>>): Promise<Page<T>> {
  const { data, error, response } = await reach(answer);
  if (!response.ok) throw new ProblemError(response.status, asProblem(error));
  const items = data ?? [];
  return { items, total: Number(response.headers.get("X-Total-Count") ?? items.length) };
}

async function reach<T>(answer: Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ProblemError(0, null);
  }
}

function asProblem(error: unknown): Partial<Problem> | null {
  return typeof error === "object" && error !== null ? error : null;
}

export interface CallOptions {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A request that the installation's OpenAPI document may lack; `path` stands below the prefix. */
export async function callResponse(path: string, options: CallOptions = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  const token = accessToken();
  if (token) headers.set("Authorization", `Bearer ${token}`);
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  const request = new Request(BASE + path, {
    method: options.method ?? "GET",
    headers,
    body: options.body === undefined ? null : JSON.stringify(options.body),
    signal: options.signal ?? null,
  });
  let response: Response;
  try {
    response = await send(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ProblemError(0, null);
  }
  if (!response.ok) throw new ProblemError(response.status, await readProblem(response));
  return response;
}

export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await callResponse(path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function readProblem(response: Response): Promise<Partial<Problem> | null> {
  if (!(response.headers.get("Content-Type") ?? "").includes("json")) return null;
  return (await response.json()) as Partial<Problem>;
}
