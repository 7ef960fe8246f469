import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { call, callResponse } from "@/lib/api/client";
import { toProblem } from "@/lib/api/problem";
import {
  accessToken,
  dropSession,
  keepSession,
  refreshSession,
  refreshToken,
  type Tokens,
} from "@/lib/api/session";

export type Role = "ADMIN" | "TENANT_USER";

export interface Me {
  id?: string;
  email?: string | null;
  role: Role;
  tenantId?: string;
  tenant_id?: string;
  read_only?: boolean;
}

/** Who is here: somebody, nobody yet, or an installation that knows no users. */
export type Caller = { kind: "user"; me: Me } | { kind: "anonymous" } | { kind: "no_login" };

export const accessKeys = {
  me: ["access", "me"] as const,
  users: ["access", "users"] as const,
  apiKeys: ["access", "api-keys"] as const,
  audit: (filter: object) => ["access", "audit", filter] as const,
};

export const meQuery = queryOptions({
  queryKey: accessKeys.me,
  staleTime: Infinity,
  retry: false,
  queryFn: readCaller,
});

async function readCaller({ signal }: { signal: AbortSignal }): Promise<Caller> {
  if (!accessToken() && refreshToken()) await refreshSession();
  try {
    return { kind: "user", me: await call<Me>("/auth/me", { signal }) };
  } catch (error) {
    const { status } = toProblem(error);
    if (status === 404) return { kind: "no_login" };
    if (status === 401) return { kind: "anonymous" };
    throw error;
  }
}

export interface Credentials {
  email: string;
  password: string;
  otp?: string;
}

export function useLogin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: Credentials) => {
      keepSession(await call<Tokens>("/auth/login", { method: "POST", body }));
    },
    onSuccess: () => client.resetQueries(),
  });
}

export function useLogout() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      call<undefined>("/auth/logout", { method: "POST", body: { refresh_token: refreshToken() } }),
    onSettled: () => {
      dropSession();
      client.clear();
    },
  });
}

export interface User {
  id: string;
  email: string;
  role: Role;
  read_only?: boolean;
  totp_enabled?: boolean;
  created_at?: string;
  last_login_at?: string | null;
}

export interface UserCreate {
  email: string;
  password: string;
  role: Role;
  read_only: boolean;
}

export const usersQuery = queryOptions({
  queryKey: accessKeys.users,
  retry: false,
  queryFn: ({ signal }) => call<User[]>("/users/?limit=1000", { signal }),
});

export function useCreateUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: UserCreate) => call<User>("/users/", { method: "POST", body }),
    onSuccess: () => client.invalidateQueries({ queryKey: accessKeys.users }),
  });
}

export function useDeleteUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call<undefined>(`/users/${id}`, { method: "DELETE" }),
    onSuccess: () => client.invalidateQueries({ queryKey: accessKeys.users }),
  });
}

export interface ApiKey {
  id: string;
  name: string;
  prefix?: string;
  scopes: string[];
  expires_at: string | null;
  last_used_at: string | null;
  created_at?: string;
}

export interface ApiKeyCreate {
  name: string;
  scopes: string[];
  expires_at?: string;
}

export const apiKeysQuery = queryOptions({
  queryKey: accessKeys.apiKeys,
  retry: false,
  queryFn: ({ signal }) => call<ApiKey[]>("/api-keys/?limit=1000", { signal }),
});

export function useCreateApiKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: ApiKeyCreate) =>
      call<ApiKey & { key: string }>("/api-keys/", { method: "POST", body }),
    onSuccess: () => client.invalidateQueries({ queryKey: accessKeys.apiKeys }),
  });
}

export function useRevokeApiKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call<undefined>(`/api-keys/${id}`, { method: "DELETE" }),
    onSuccess: () => client.invalidateQueries({ queryKey: accessKeys.apiKeys }),
  });
}

export interface AuditEntry {
  id: string;
  at: string;
  actor?: string | null;
  action: string;
  target?: string | null;
  address?: string | null;
  request_id?: string | null;
  before?: unknown;
  after?: unknown;
}

export interface AuditPage {
  items: AuditEntry[];
  total: number;
}

export function auditQuery(filter: { action?: string; limit: number; offset: number }) {
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(entries.map(([name, value]) => [name, String(value)]));
  return queryOptions({
    queryKey: accessKeys.audit(filter),
    retry: false,
    queryFn: async ({ signal }): Promise<AuditPage> => {
      const response = await callResponse(`/audit/?${search.toString()}`, { signal });
      const items = (await response.json()) as AuditEntry[];
      return { items, total: Number(response.headers.get("X-Total-Count") ?? items.length) };
    },
  });
}
