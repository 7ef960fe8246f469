import { Text } from "@mantine/core";
import { EmptyState } from "@/components/ui/empty-state";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { toProblem } from "@/lib/api/problem";

/** An error of an access endpoint; one that this installation does not have is said calmly. */
export function AccessProblem({ error, what }: { error: unknown; what: string }) {
  if (!error) return null;
  if (toProblem(error).status !== 404) return <ProblemAlert error={error} />;
  return (
    <EmptyState title={`This installation has no ${what}`}>
      <Text size="sm">
        It runs without login: whoever reaches the config API may use all of it. That is meant for development
        on one machine.
      </Text>
    </EmptyState>
  );
}
