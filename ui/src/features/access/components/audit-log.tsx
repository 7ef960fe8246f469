import { Button, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Loading } from "@/components/ui/loading";
import { formatInstant, plural } from "@/lib/format";
import { auditQuery, useVerifyAudit } from "../api/access";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { Status } from "@/components/ui/status";
import { AccessProblem } from "./not-available";

const PAGE_ROWS = 50;

function VerifyAudit() {
  const verify = useVerifyAudit();
  const verdict = verify.data;
  return (
    <Group gap="sm">
      <Button
        variant="default"
        loading={verify.isPending}
        onClick={() => {
          verify.mutate();
        }}
      >
        Verify the log
      </Button>
      <ProblemAlert error={verify.error} />
      {verdict && (
        <Status
          name={verdict.ok ? "success" : "failed"}
          label={
            verdict.ok
              ? `${String(verdict.entries)} entries in ${String(verdict.chains)} chains, none changed`
              : (verdict.faults[0]?.message ?? "The log has been changed")
          }
        />
      )}
    </Group>
  );
}

export function AuditLog() {
  const [action, setAction] = useState("");
  const [offset, setOffset] = useState(0);
  const [settled] = useDebouncedValue(action, 250);
  const { data, error } = useQuery(
    auditQuery({ ...(settled ? { action: settled } : {}), limit: PAGE_ROWS, offset }),
  );
  if (error) return <AccessProblem error={error} what="audit log" />;
  if (!data) return <Loading />;
  return (
    <Stack gap="sm">
      <Group justify="space-between" align="flex-end" gap="sm">
        <TextInput
          label="Action"
          placeholder="any, such as connection.create"
          w={260}
          value={action}
          onChange={(event) => {
            setAction(event.currentTarget.value);
            setOffset(0);
          }}
        />
        <VerifyAudit />
      </Group>
      <div className="panel scroll-x">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>When</Table.Th>
              <Table.Th>Who</Table.Th>
              <Table.Th>What</Table.Th>
              <Table.Th>On</Table.Th>
              <Table.Th>From</Table.Th>
              <Table.Th>Request</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.items.map((entry) => (
              <Table.Tr key={entry.id}>
                <Table.Td className="nowrap">{formatInstant(entry.at)}</Table.Td>
                <Table.Td>{entry.actor}</Table.Td>
                <Table.Td fw={600}>{entry.action}</Table.Td>
                <Table.Td>{entry.target}</Table.Td>
                <Table.Td className="mono">{entry.address}</Table.Td>
                <Table.Td className="mono">{entry.request_id}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Group gap="xs">
        <Text size="sm" c="dimmed">
          {plural(data.total, "entry", "entries")}
        </Text>
        {data.total > PAGE_ROWS && (
          <>
            <Button
              variant="default"
              disabled={offset === 0}
              onClick={() => {
                setOffset(offset - PAGE_ROWS);
              }}
            >
              Newer
            </Button>
            <Button
              variant="default"
              disabled={offset + PAGE_ROWS >= data.total}
              onClick={() => {
                setOffset(offset + PAGE_ROWS);
              }}
            >
              Older
            </Button>
          </>
        )}
      </Group>
    </Stack>
  );
}
