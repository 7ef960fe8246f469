import { Button, type ButtonProps } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useRunMapping } from "@/features/mappings/api/mappings";
import { toProblem } from "@/lib/api/problem";

/** Queues a run of a schedule's mapping by hand, and shows it. */
export function RunNowButton({
  mappingId,
  name,
  size,
}: {
  mappingId: string;
  name: string;
  size?: ButtonProps["size"];
}) {
  const run = useRunMapping();
  const navigate = useNavigate();
  return (
    <Button
      variant="default"
      size={size}
      loading={run.isPending}
      aria-label={`Run ${name} now`}
      onClick={() => {
        run.mutate(mappingId, {
          onSuccess: ({ id }) => void navigate({ to: "/runs/$runId", params: { runId: id } }),
          onError: (error) =>
            notifications.show({ color: "red.8", title: "Not started", message: toProblem(error).message }),
        });
      }}
    >
      Run now
    </Button>
  );
}
