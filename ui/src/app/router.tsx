import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { HomePage } from "./pages/home";
import { NotFoundPage } from "./pages/not-found";
import { Root } from "./root";
import {
  readEditorSearch,
  readNewEditorSearch,
  readMappingPrefill,
  readPageSearch,
  readRunSearch,
  readSettingsSearch,
} from "./search";

const rootRoute = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Root,
  notFoundComponent: NotFoundPage,
});
const parent = () => rootRoute;

const routes = [
  createRoute({ getParentRoute: parent, path: "/", component: HomePage }),
  createRoute({
    getParentRoute: parent,
    path: "/connections",
    validateSearch: readPageSearch,
    component: lazyRouteComponent(() => import("./pages/connections"), "ConnectionsPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/connections/new",
    component: lazyRouteComponent(() => import("./pages/connection"), "NewConnectionPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/connections/$connectionId",
    component: lazyRouteComponent(() => import("./pages/connection"), "ConnectionPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/schemas",
    validateSearch: readPageSearch,
    component: lazyRouteComponent(() => import("./pages/schemas"), "SchemasPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/schemas/new",
    component: lazyRouteComponent(() => import("./pages/schema"), "NewSchemaPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/schemas/$schemaId",
    component: lazyRouteComponent(() => import("./pages/schema"), "SchemaPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/mappings",
    validateSearch: readPageSearch,
    component: lazyRouteComponent(() => import("./pages/mappings"), "MappingsPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/mappings/new",
    validateSearch: readNewEditorSearch,
    component: lazyRouteComponent(() => import("./pages/mapping"), "NewMappingPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/mappings/$mappingId",
    validateSearch: readEditorSearch,
    component: lazyRouteComponent(() => import("./pages/mapping"), "MappingPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/schedules",
    validateSearch: readPageSearch,
    component: lazyRouteComponent(() => import("./pages/schedules"), "SchedulesPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/schedules/new",
    validateSearch: readMappingPrefill,
    component: lazyRouteComponent(() => import("./pages/schedule"), "NewSchedulePage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/schedules/$scheduleId",
    component: lazyRouteComponent(() => import("./pages/schedule"), "SchedulePage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/runs",
    validateSearch: readRunSearch,
    component: lazyRouteComponent(() => import("./pages/runs"), "RunsPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/runs/$runId",
    component: lazyRouteComponent(() => import("./pages/run"), "RunPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/settings",
    validateSearch: readSettingsSearch,
    component: lazyRouteComponent(() => import("./pages/settings"), "SettingsPage"),
  }),
  createRoute({
    getParentRoute: parent,
    path: "/login",
    beforeLoad: () => {
      // The login form stands in place of whatever page was asked for; the path itself leads home.
      throw redirect({ to: "/" });
    },
  }),
] as const;

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: rootRoute.addChildren(routes),
    context: { client },
    defaultPreload: "intent",
    scrollRestoration: true,
  });
}
