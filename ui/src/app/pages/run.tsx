import { Alert, Button, SimpleGrid, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Facts } from "@/components/ui/facts";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { Status } from "@/components/ui/status";
import { connectionsQuery } from "@/features/connections/api/connections";
import { mappingsQuery } from "@/features/mappings/api/mappings";
import { usePollMs } from "@/features/runs/api/live";
import { isUnfinished, type Run, runQuery, useCancelRun, useRetryRun } from "@/features/runs/api/runs";
import { RejectedRows } from "@/features/runs/components/rejected-rows";
import { RunLog } from "@/features/runs/components/run-log";
import { RunProgress } from "@/features/runs/components/run-progress";
import { RunTimeline } from "@/features/runs/components/run-timeline";
import { adviseOn, explainSkip, explainWait } from "@/features/runs/model/explain";
import { schedulesQuery } from "@/features/schedules/api/schedules";
import { sentence, toProblem } from "@/lib/api/problem";
import { words } from "@/lib/format";

const route = getRouteApi("/runs/$runId");
const LIVE_POLL_MS = 1000;

export function RunPage() {
  const { runId } = route.useParams();
  const livePoll = usePollMs() === false ? false : LIVE_POLL_MS;
  const navigate = useNavigate();
  const { data: run, error } = useQuery(runQuery(runId, livePoll));
  const { data: mappings } = useQuery(mappingsQuery());
  if (error && !run)
    return (
      <Page title="Run">
        <ProblemAlert error={error} />
      </Page>
    );
  if (!run) return <Loading />;
  const mapping = mappings?.items.find(({ id }) => id === run.mapping_id);
  const open = (next: Run) => void navigate({ to: "/runs/$runId", params: { runId: next.id } });
  const logPoll = isUnfinished(run) ? livePoll || 2000 : false;
  return (
    <Page
      title={`Run of ${mapping?.name ?? "a mapping"}`}
      heading={mapping?.name ?? "Run"}
      description={
        <Status
          name={run.status}
          label={run.cancel_requested && isUnfinished(run) ? "Cancelling" : undefined}
        />
      }
      actions={<RunActions run={run} hasMapping={mapping !== undefined} onNext={open} />}
    >
      {run.status === "skipped" && (
        <Alert variant="light" color="yellow" title="This tick did not run">
          {explainSkip(run)}
        </Alert>
      )}
      <RunWait run={run} />
      <RunFault run={run} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={{ alignItems: "start" }}>
        <Stack gap="md">
          {run.status !== "skipped" && <RunProgress run={run} />}
          <RunFacts run={run} />
        </Stack>
        <RunTimeline run={run} pollMs={logPoll} />
      </SimpleGrid>
      {run.progress.rows_rejected > 0 && !isUnfinished(run) && <RejectedRows run={run} onReplayed={open} />}
      {run.status !== "skipped" && <RunLog id={run.id} pollMs={logPoll} />}
    </Page>
  );
}

function RunWait({ run }: { run: Run }) {
  const waiting = run.status === "queued" ? run.waiting_for : null;
  const { data } = useQuery({ ...connectionsQuery(), enabled: waiting?.reason === "connection" });
  if (!waiting) return null;
  const name = data?.items.find(({ id }) => id === waiting.connection_id)?.name;
  return (
    <Alert variant="light" color="blue" title="Not started yet">
      {explainWait(waiting, name)}
    </Alert>
  );
}

function RunFault({ run }: { run: Run }) {
  if (!run.error) return null;
  return (
    <Alert variant="light" color="red" title={words(run.error.code)} role="alert">
      <Text size="sm">{sentence(run.error.message)}</Text>
      {(run.error.row !== null || run.error.column !== null) && (
        <Text size="sm">
          <strong>Where: </strong>
          {[
            run.error.row !== null && `row ${String(run.error.row)}`,
            run.error.column !== null && `column ${run.error.column}`,
          ]
            .filter(Boolean)
            .join(", ")}
        </Text>
      )}
      <Text size="sm">
        <strong>What to do: </strong>
        {adviseOn(run)}
      </Text>
    </Alert>
  );
}

function RunFacts({ run }: { run: Run }) {
  const { data: schedules } = useQuery({ ...schedulesQuery(), enabled: run.schedule_id !== null });
  const schedule = schedules?.items.find(({ id }) => id === run.schedule_id);
  return (
    <Panel title="Details">
      <Facts
        items={[
          ["Trigger", words(run.trigger)],
          ["Mapping version", String(run.mapping_version)],
          ["Attempt", String(run.attempt)],
          ["Gear", run.gear ? words(run.gear) : "not chosen yet"],
          ...(run.window
            ? [["Window", `${run.window.low ?? "start"} → ${run.window.high ?? "end"}`] as const]
            : []),
          ...(run.schedule_id
            ? [
                [
                  "Schedule",
                  schedule ? (
                    <TextLink
                      key="s"
                      size="sm"
                      to="/schedules/$scheduleId"
                      params={{ scheduleId: schedule.id }}
                    >
                      {schedule.name}
                    </TextLink>
                  ) : (
                    "deleted"
                  ),
                ] as const,
              ]
            : []),
          ...(run.retry_of
            ? [
                [
                  "Follows",
                  <TextLink key="r" size="sm" to="/runs/$runId" params={{ runId: run.retry_of }}>
                    an earlier run
                  </TextLink>,
                ] as const,
              ]
            : []),
          ["Executor", run.executor_id ?? "none yet"],
          [
            "Run id",
            <span key="i" className="mono" style={{ fontSize: "0.6875rem" }}>
              {run.id}
            </span>,
          ],
        ]}
      />
    </Panel>
  );
}

function RunActions({
  run,
  hasMapping,
  onNext,
}: {
  run: Run;
  hasMapping: boolean;
  onNext: (run: Run) => void;
}) {
  const cancel = useCancelRun();
  const retry = useRetryRun();
  const fail = (error: unknown) =>
    notifications.show({ color: "red.8", title: "That did not work", message: toProblem(error).message });
  return (
    <>
      {hasMapping && (
        <LinkButton variant="default" to="/mappings/$mappingId" params={{ mappingId: run.mapping_id }}>
          Open mapping
        </LinkButton>
      )}
      {isUnfinished(run) && run.status !== "committing" && (
        <Button
          color="red.8"
          variant="outline"
          loading={cancel.isPending}
          disabled={run.cancel_requested}
          onClick={() => {
            cancel.mutate(run.id, { onError: fail });
          }}
        >
          Cancel run
        </Button>
      )}
      {!isUnfinished(run) && hasMapping && (
        <Button
          loading={retry.isPending}
          onClick={() => {
            retry.mutate(run.id, { onSuccess: onNext, onError: fail });
          }}
        >
          Run again
        </Button>
      )}
    </>
  );
}
