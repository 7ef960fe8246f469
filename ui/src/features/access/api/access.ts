import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, call, callResponse, PREFIX, type Schemas, unwrap } from "@/lib/api/client";
import { toProblem } from "@/lib/api/problem";
import {
  accessToken,
  dropSession,
  keepSession,
  refreshSession,
  refreshToken,
  type Tokens,
} from "@/lib/api/session";

export type Role = Schemas["Role"];

export type Me = Schemas["MeRead"];

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

export type Credentials = Schemas["LoginRequest"];

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

export type User = Schemas["UserRead"];

export type UserCreate = Schemas["UserCreate"];

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

export type ApiKey = Schemas["ApiKeyRead"];

export type ApiKeyCreate = Schemas["ApiKeyCreate"];

export const apiKeysQuery = queryOptions({
  queryKey: accessKeys.apiKeys,
  retry: false,
  queryFn: ({ signal }) => call<ApiKey[]>("/api-keys/?limit=1000", { signal }),
});

export function useCreateApiKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: ApiKeyCreate) => call<Schemas["ApiKeyMade"]>("/api-keys/", { method: "POST", body }),
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

export type AuditEntry = Schemas["AuditEntryRead"];

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
    // The field that filters stays while one types.
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<AuditPage> => {
      const response = await callResponse(`/audit/?${search.toString()}`, { signal });
      const items = (await response.json()) as AuditEntry[];
      return { items, total: Number(response.headers.get("X-Total-Count") ?? items.length) };
    },
  });
}

export function useVerifyAudit() {
  return useMutation({ mutationFn: () => unwrap(api.GET(`${PREFIX}/audit/verify`)) });
}

export const rotationQuery = queryOptions({
  queryKey: ["access", "rotation"],
  retry: false,
  refetchInterval: ({ state }: { state: { data?: Schemas["RotationRead"] | undefined } }) =>
    state.data?.status === "running" ? 1000 : false,
  queryFn: ({ signal }): Promise<Schemas["RotationRead"]> =>
    unwrap(api.GET(`${PREFIX}/secrets/rotation`, { signal })),
});

export function useRotateSecrets() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST(`${PREFIX}/secrets/rotation`)),
    onSuccess: (rotation) => {
      client.setQueryData(rotationQuery.queryKey, rotation);
    },
  });
}

export function useStartTotp() {
  return useMutation({ mutationFn: () => unwrap(api.POST(`${PREFIX}/auth/totp`)) });
}

export function useConfirmTotp() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (otp: string) => unwrap(api.POST(`${PREFIX}/auth/totp/confirm`, { body: { otp } })),
    onSuccess: () => client.invalidateQueries({ queryKey: accessKeys.me }),
  });
}

export function useDisableTotp() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (password: string) => unwrap(api.POST(`${PREFIX}/auth/totp/disable`, { body: { password } })),
    onSuccess: () => client.invalidateQueries({ queryKey: accessKeys.me }),
  });
}
