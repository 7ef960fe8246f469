import { Skeleton, Stack } from "@mantine/core";
import { useEffect, useState } from "react";

const PATIENCE_MS = 150;

/** Grey lines in the place of what is coming; nothing at all while it may still come at once. */
export function Loading({ lines = 5 }: { lines?: number }) {
  const [isLate, setIsLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setIsLate(true);
    }, PATIENCE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return (
    <Stack gap="sm" aria-busy="true" role="status" aria-label="Loading" mih={lines * 36}>
      {isLate && Array.from({ length: lines }, (_, index) => <Skeleton key={index} height={24} />)}
    </Stack>
  );
}
