import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconShoppingBag } from "@tabler/icons-react";
import { toProblem } from "@/lib/api/problem";
import { useMakeSample } from "../api/connections";

/** Makes a small shop to try things on, and the connection to it. */
export function SampleButton() {
  const sample = useMakeSample();
  return (
    <Button
      variant="default"
      leftSection={<IconShoppingBag size={15} aria-hidden />}
      loading={sample.isPending}
      onClick={() => {
        sample.mutate(undefined, {
          onSuccess: ({ name }) =>
            notifications.show({ message: `${name} is there: a SQLite file with orders and products.` }),
          onError: (error) =>
            notifications.show({
              color: "red.8",
              title: "The sample data was not made",
              message: toProblem(error).message,
            }),
        });
      }}
    >
      Use the sample data
    </Button>
  );
}
