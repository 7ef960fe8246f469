import { Button, Group, Modal, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { ProblemAlert } from "./problem-alert";

interface Props {
  opened: boolean;
  title: string;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
  isPending?: boolean;
  isBlocked?: boolean;
  isDangerous?: boolean;
  error?: unknown;
  children: ReactNode;
}

export function Confirm(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title}>
      <Stack gap="md">
        <div>{props.children}</div>
        <ProblemAlert error={props.error} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose} data-autofocus>
            Keep as it is
          </Button>
          <Button
            color={(props.isDangerous ?? true) ? "red.8" : undefined}
            onClick={props.onConfirm}
            disabled={props.isBlocked}
            loading={props.isPending}
          >
            {props.action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
