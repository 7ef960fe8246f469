import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { useBackfill } from "../api/mappings";

/** Asks for a range of the cursor and queues the runs that read it again. */
export function BackfillForm({ id, onDone }: { id: string; onDone: () => void }) {
  const [range, setRange] = useState({ from: "", to: "", chunk: "" });
  const backfill = useBackfill();
  const start = () => {
    const chunk = Number(range.chunk) || null;
    backfill.mutate({ id, body: { from: range.from, to: range.to, chunk } }, { onSuccess: onDone });
  };
  return (
    <Stack gap="xs" mt="xs">
      <Text size="xs" c="dimmed">
        Reads a past range again, both ends included, and leaves the cursor where it is.
      </Text>
      <Group gap="xs" align="flex-end">
        <TextInput
          size="xs"
          label="From"
          value={range.from}
          onChange={(event) => {
            setRange({ ...range, from: event.currentTarget.value });
          }}
        />
        <TextInput
          size="xs"
          label="To"
          value={range.to}
          onChange={(event) => {
            setRange({ ...range, to: event.currentTarget.value });
          }}
        />
        <TextInput
          size="xs"
          label="Chunk (seconds, or a number)"
          placeholder="one run"
          value={range.chunk}
          onChange={(event) => {
            setRange({ ...range, chunk: event.currentTarget.value });
          }}
        />
        <Button
          variant="default"
          disabled={!range.from || !range.to}
          loading={backfill.isPending}
          onClick={start}
        >
          Queue it
        </Button>
      </Group>
      <ProblemAlert error={backfill.error} />
    </Stack>
  );
}
