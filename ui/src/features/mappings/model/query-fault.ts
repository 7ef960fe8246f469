import { toProblem } from "@/lib/api/problem";

/** Where in the query a refusal points at: by line and column, by character, or by the quoted word. */
export function findFault(error: unknown, query: string): { offset: number | null; message: string } | null {
  if (error === null || error === undefined) return null;
  const problem = toProblem(error);
  const field = problem.fields.find(({ loc }) => loc.includes("source_query"));
  if (!field && problem.fields.length > 0) return null;
  const message = field?.msg ?? problem.message;
  return { offset: offsetIn(message, query), message };
}

function offsetIn(message: string, query: string): number | null {
  const place = /line (\d+)(?:,? (?:col(?:umn)?|position) (\d+))?/i.exec(message);
  if (place) return lineStart(query, Number(place[1])) + Math.max(0, Number(place[2] ?? 1) - 1);
  const character = /(?:position|character) (\d+)/i.exec(message);
  if (character) return Math.max(0, Number(character[1]) - 1);
  for (const [, word] of message.matchAll(/["'`]([^"'`]{2,60})["'`]/g)) {
    const found = query.toLowerCase().indexOf((word ?? "").toLowerCase());
    if (found >= 0) return found;
  }
  if (/must be one statement/.test(message) && query.includes(";")) return afterSemicolon(query);
  const keyword = /^([A-Z]{3,}) (?:is|writes|needs)\b/.exec(message)?.[1];
  if (keyword) return wordIn(query, keyword);
  const name = /(?:column|relation|table|function):? "?([\w.]+)"?/i.exec(message)?.[1];
  const found = name ? query.indexOf(name) : -1;
  return found >= 0 ? found : null;
}

/** The start of what follows the first semicolon: the second statement. */
function afterSemicolon(query: string): number {
  const end = query.indexOf(";") + 1;
  return end + (/^\s*/.exec(query.slice(end))?.[0].length ?? 0);
}

function wordIn(query: string, word: string): number | null {
  const found = new RegExp(`\\b${word}\\b`, "i").exec(query);
  return found ? found.index : null;
}

function lineStart(query: string, line: number): number {
  return query
    .split("\n")
    .slice(0, Math.max(0, line - 1))
    .reduce((sum, text) => sum + text.length + 1, 0);
}
