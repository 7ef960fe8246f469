import { apiPrefix } from "../page-facts";

// The access token lives in memory only; the refresh token in this tab's storage, so that a reload keeps the login.
const REFRESH_KEY = "refresh-token";

export interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

let access: string | null = null;
let refreshing: Promise<boolean> | null = null;
const listeners = new Set<() => void>();

export function accessToken(): string | null {
  return access;
}

export function refreshToken(): string | null {
  return sessionStorage.getItem(REFRESH_KEY);
}

export function keepSession(tokens: Tokens): void {
  access = tokens.access_token;
  sessionStorage.setItem(REFRESH_KEY, tokens.refresh_token);
}

/** Forget the login and tell whoever shows it. */
export function dropSession(): void {
  access = null;
  sessionStorage.removeItem(REFRESH_KEY);
  for (const listener of listeners) listener();
}

export function onSessionEnd(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Trade the refresh token for a new pair, once however many requests ask at the same time. */
export function refreshSession(): Promise<boolean> {
  refreshing ??= tradeToken().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function tradeToken(): Promise<boolean> {
  const token = refreshToken();
  if (!token) return false;
  const response = await fetch(`${apiPrefix}/auth/refresh`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: token }),
  });
  if (!response.ok) return false;
  keepSession((await response.json()) as Tokens);
  return true;
}
