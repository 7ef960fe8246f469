import { Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Status } from "@/components/ui/status";
import { RelativeTime } from "@/components/ui/time";
import { sentence } from "@/lib/api/problem";
import { formatDuration, formatNumber, words } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import type { Run } from "../api/runs";
import { durationOf, explainSkip, explainWait } from "../model/explain";

interface Props {
  runs: readonly Run[];
  nameOf: (mappingId: string) => string;
  empty?: string;
}

export function RunTable({ runs, nameOf, empty = "No runs yet." }: Props) {
  if (runs.length === 0)
    return (
      <Text size="sm" c="dimmed" p="sm">
        {empty}
      </Text>
    );
  return (
    <div className="scroll-x">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Status</Table.Th>
            <Table.Th>Mapping</Table.Th>
            <Table.Th visibleFrom="sm">By</Table.Th>
            <Table.Th>Queued</Table.Th>
            <Table.Th ta="right" visibleFrom="sm">
              Took
            </Table.Th>
            <Table.Th ta="right" visibleFrom="sm">
              Rows read
            </Table.Th>
            <Table.Th ta="right" visibleFrom="sm">
              Rejected
            </Table.Th>
            <Table.Th visibleFrom="sm">What happened</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {runs.map((run) => (
            <Table.Tr key={run.id}>
              <Table.Td>
                <Status
                  name={run.status}
                  label={run.cancel_requested && run.status === "running" ? "Cancelling" : undefined}
                />
              </Table.Td>
              <Table.Td miw={130}>
                <Link to="/runs/$runId" params={{ runId: run.id }} className="row-link">
                  {nameOf(run.mapping_id)}
                </Link>
                <Text size="xs" c="dimmed" lineClamp={2} hiddenFrom="sm">
                  {whatHappened(run)}
                </Text>
              </Table.Td>
              <Table.Td visibleFrom="sm">{words(run.trigger)}</Table.Td>
              <Table.Td>
                <RelativeTime instant={run.scheduled_for ?? run.queued_at} />
              </Table.Td>
              <Table.Td ta="right" className="nowrap" visibleFrom="sm">
                <Took run={run} />
              </Table.Td>
              <Table.Td ta="right" visibleFrom="sm">
                {run.status === "skipped" ? "" : formatNumber(run.progress.rows_read)}
              </Table.Td>
              <Table.Td
                ta="right"
                visibleFrom="sm"
                c={run.progress.rows_rejected > 0 ? "var(--app-warn)" : undefined}
              >
                {run.status === "skipped" ? "" : formatNumber(run.progress.rows_rejected)}
              </Table.Td>
              <Table.Td maw={340} visibleFrom="sm">
                <Text size="sm" lineClamp={2} title={run.error?.message}>
                  {whatHappened(run)}
                </Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function whatHappened(run: Run): string {
  if (run.status === "skipped") return explainSkip(run);
  if (run.status === "queued" && run.waiting_for) return explainWait(run.waiting_for);
  if (run.error) return sentence(run.error.message);
  return run.status === "running" ? words(run.progress.phase) : "";
}

function Took({ run }: { run: Run }) {
  const now = useNow();
  const duration = durationOf(run, now);
  return duration === null ? null : formatDuration(duration);
}
