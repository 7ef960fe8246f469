import { Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import type { RefObject } from "react";
import { Confirm } from "./confirm";

/** Ask before leaving a page with changes. `pass` lets the page's own navigation after saving through. */
export function UnsavedGuard({ isDirty, pass }: { isDirty: boolean; pass?: RefObject<boolean> }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty && !pass?.current && current.pathname !== next.pathname,
    enableBeforeUnload: () => isDirty && !pass?.current,
    withResolver: true,
  });
  return (
    <Confirm
      opened={blocker.status === "blocked"}
      title="Leave without saving?"
      action="Leave, lose the changes"
      onConfirm={() => blocker.proceed?.()}
      onClose={() => blocker.reset?.()}
    >
      <Text size="sm">What you changed on this page has not been saved.</Text>
    </Confirm>
  );
}
