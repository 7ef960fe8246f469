import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { toProblem } from "@/lib/api/problem";
import { styleNonce } from "@/lib/page-facts";
import { makeRouter } from "./router";
import { cssVariables, theme } from "./theme";

const RETRIES = 2;

const readNonce = () => styleNonce ?? "";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      // A refusal stays one; only a service that is unwell is asked again.
      retry: (failures, error) => {
        const { status } = toProblem(error);
        return (status === 0 || status >= 500) && failures < RETRIES;
      },
    },
  },
});
const router = makeRouter(client);
const colorSchemes = localStorageColorSchemeManager({ key: "color-scheme" });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

export function App() {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      colorSchemeManager={colorSchemes}
      defaultColorScheme="auto"
      getStyleNonce={readNonce}
    >
      <Notifications position="bottom-right" autoClose={5000} />
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}
