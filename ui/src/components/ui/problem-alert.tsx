import { Alert, Button, Text } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import { fieldPath, sentence, toProblem } from "@/lib/api/problem";

interface Props {
  error: unknown;
  title?: string;
  onRetry?: () => void;
}

/** What went wrong, in the words of the problem body, with its places and its request id. */
export function ProblemAlert({ error, title, onRetry }: Props) {
  if (error === null || error === undefined) return null;
  const problem = toProblem(error);
  return (
    <Alert variant="light" color="red" title={title} icon={<IconAlertCircle aria-hidden />} role="alert">
      <Text size="sm">{problem.fields.length === 0 ? problem.message : null}</Text>
      {problem.fields.map(({ loc, msg }) => (
        <Text size="sm" key={loc.join(".") + msg}>
          {fieldPath(loc) && <strong>{fieldPath(loc)}: </strong>}
          {sentence(msg)}
        </Text>
      ))}
      {problem.requestId && problem.status >= 500 && (
        <Text size="xs" c="dimmed" mt={4}>
          Request {problem.requestId}
        </Text>
      )}
      {onRetry && (
        <Button mt="xs" variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}
