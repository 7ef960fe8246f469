import { Button, Group, Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { IconPlayerPause } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { type PauseReach, pauseQuery, useSetPause } from "../api/pause";

/** Opens the question of what to pause and why; nothing where everything is paused already. */
export function PauseButton() {
  const { data } = useQuery(pauseQuery);
  const [isOpen, setIsOpen] = useState(false);
  if (!data || data.installation.paused) return null;
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconPlayerPause size={15} aria-hidden />}
        onClick={() => {
          setIsOpen(true);
        }}
      >
        Pause runs
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => {
          setIsOpen(false);
        }}
        title="Pause runs?"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <PauseForm
          isTenantPaused={data.paused}
          onDone={() => {
            setIsOpen(false);
          }}
        />
      </Modal>
    </>
  );
}

function PauseForm({ isTenantPaused, onDone }: { isTenantPaused: boolean; onDone: () => void }) {
  const [reach, setReach] = useState<PauseReach>(isTenantPaused ? "installation" : "tenant");
  const [note, setNote] = useState("");
  const set = useSetPause();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set.mutate({ reach, paused: true, note: note.trim() || null }, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Text size="sm">
          Runs in hand go on to their end. Queued runs wait, also those started by hand; ticks leave a record
          and are not caught up on.
        </Text>
        <Radio.Group
          label="What is paused"
          value={reach}
          onChange={(value) => {
            setReach(value as PauseReach);
          }}
        >
          <Stack gap={6} mt={6}>
            <Radio value="tenant" label="The runs of this tenant" disabled={isTenantPaused} />
            <Radio value="installation" label="Every run of this installation, of all tenants" />
          </Stack>
        </Radio.Group>
        <TextInput
          label="Why"
          placeholder="the warehouse moves"
          description="Everybody who looks at a run sees it."
          maxLength={500}
          value={note}
          onChange={(event) => {
            setNote(event.currentTarget.value);
          }}
        />
        <ProblemAlert error={set.error} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onDone}>
            Keep running
          </Button>
          <Button type="submit" loading={set.isPending}>
            Pause
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
