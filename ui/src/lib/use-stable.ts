import { useCallback, useLayoutEffect, useRef } from "react";

/** The latest of a callback behind one that never changes, so that a memoised child need not render for it. */
export function useStable<A extends unknown[], R>(callback: (...args: A) => R): (...args: A) => R {
  const latest = useRef(callback);
  useLayoutEffect(() => {
    latest.current = callback;
  });
  return useCallback((...args: A) => latest.current(...args), []);
}
