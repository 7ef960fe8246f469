import { Center, Stack } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Loading } from "@/components/ui/loading";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { accessKeys, meQuery } from "@/features/access/api/access";
import { PollContext, useLiveRuns } from "@/features/runs/api/live";
import { onSessionEnd } from "@/lib/api/session";
import { Shell } from "./shell";

const LoginForm = lazy(() =>
  import("@/features/access/components/login-form").then((module) => ({ default: module.LoginForm })),
);

export function Root() {
  const client = useQueryClient();
  const { data: caller, error, refetch } = useQuery(meQuery);
  useEffect(
    () =>
      onSessionEnd(() => {
        client.setQueryData(accessKeys.me, { kind: "anonymous" });
      }),
    [client],
  );
  if (error && !caller) {
    return (
      <Center component="main" p="md" mih="60dvh">
        <ProblemAlert error={error} title="The config API does not answer" onRetry={() => void refetch()} />
      </Center>
    );
  }
  if (!caller) {
    return (
      <Stack component="main" p="xl">
        <Loading />
      </Stack>
    );
  }
  if (caller.kind === "anonymous") {
    return (
      <Suspense fallback={<Loading />}>
        <LoginForm />
      </Suspense>
    );
  }
  return <Live me={caller.kind === "user" ? caller.me : null} />;
}

function Live({ me }: { me: Parameters<typeof Shell>[0]["me"] }) {
  const pollMs = useLiveRuns();
  return (
    <PollContext value={pollMs}>
      <Shell me={me} isLive={pollMs === false} />
    </PollContext>
  );
}
