import { Alert, Button, Group, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { NullMark } from "@/components/ui/data-grid";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { sentence } from "@/lib/api/problem";
import { formatNumber } from "@/lib/format";
import {
  downloadRejectedRows,
  rejectedRowsQuery,
  type RejectedRow,
  type Run,
  useReplayRows,
} from "../api/runs";
import classes from "./rejected-rows.module.css";

const PAGE_ROWS = 50;

export function RejectedRows({ run, onReplayed }: { run: Run; onReplayed: (run: Run) => void }) {
  const [offset, setOffset] = useState(0);
  const { data, error } = useQuery(rejectedRowsQuery(run.id, offset, PAGE_ROWS));
  const replay = useReplayRows();
  const [downloadError, setDownloadError] = useState<unknown>(null);
  if (data?.total === 0) {
    return (
      <Panel title="Rejected rows">
        <Text size="sm" c="dimmed">
          None are kept any more: they have been replayed, or their time is over.
        </Text>
      </Panel>
    );
  }
  const actions = (
    <>
      <Button
        variant="default"
        onClick={() => {
          downloadRejectedRows(run.id).catch(setDownloadError);
        }}
      >
        Download CSV
      </Button>
      <Button
        loading={replay.isPending}
        disabled={!data}
        onClick={() => {
          replay.mutate(run.id, { onSuccess: onReplayed });
        }}
      >
        Replay them
      </Button>
    </>
  );
  return (
    <Panel
      title={`Rejected rows${data ? ` (${formatNumber(data.total)})` : ""}`}
      actions={actions}
      padded={false}
    >
      <Stack gap={0}>
        {(error ?? replay.error ?? downloadError) ? (
          <ProblemAlert error={error ?? replay.error ?? downloadError} />
        ) : null}
        <Alert variant="transparent" p="xs" color="gray">
          <Text size="sm">
            Replaying sends these source rows through the mapping as it is now. Correct the mapping first;
            those that land are cleared from this list.
          </Text>
        </Alert>
        {data && <Rows rows={data.items} />}
        {data && data.total > PAGE_ROWS && (
          <Group p="xs" gap="xs">
            <Button
              variant="default"
              disabled={offset === 0}
              onClick={() => {
                setOffset(offset - PAGE_ROWS);
              }}
            >
              Before
            </Button>
            <Button
              variant="default"
              disabled={offset + PAGE_ROWS >= data.total}
              onClick={() => {
                setOffset(offset + PAGE_ROWS);
              }}
            >
              Next
            </Button>
          </Group>
        )}
      </Stack>
    </Panel>
  );
}

function Rows({ rows }: { rows: readonly RejectedRow[] }) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.source_row)))];
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Rejected rows, scrollable">
      <Table className={classes.rows}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th ta="right" w={1}>
              Row
            </Table.Th>
            <Table.Th>Why</Table.Th>
            {columns.map((name) => (
              <Table.Th key={name} tt="none">
                {name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => {
            const faulty = new Set(row.errors.flatMap((error) => error.source_columns));
            return (
              <Table.Tr key={row.row_number}>
                <Table.Td ta="right">{formatNumber(row.row_number)}</Table.Td>
                <Table.Td miw={240}>
                  {row.errors.map((error) => (
                    <Text size="sm" key={`${error.code}${error.target_field ?? ""}`}>
                      {error.target_field && <strong className="mono">{error.target_field}: </strong>}
                      {sentence(error.message)}
                    </Text>
                  ))}
                </Table.Td>
                {columns.map((name) => {
                  const value = row.source_row[name];
                  return (
                    <Table.Td key={name} className={classes.cell} data-fault={faulty.has(name) || undefined}>
                      {value === null || value === undefined ? (
                        <NullMark />
                      ) : value === "" ? (
                        <Text span size="xs" c="dimmed">
                          empty
                        </Text>
                      ) : typeof value === "object" ? (
                        JSON.stringify(value)
                      ) : (
                        String(value)
                      )}
                      {faulty.has(name) && <span className="visually-hidden"> (at fault)</span>}
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </div>
  );
}
