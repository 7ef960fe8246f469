import { ActionIcon, Box, Group, Menu, Text, Tooltip, useMantineColorScheme } from "@mantine/core";
import {
  IconActivity,
  IconArrowsSplit2,
  IconClock,
  IconDatabase,
  IconHome,
  IconLogout,
  IconMoon,
  IconSettings,
  IconSun,
  IconSunMoon,
  IconTable,
  IconUser,
} from "@tabler/icons-react";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Suspense, useEffect, useRef } from "react";
import { Loading } from "@/components/ui/loading";
import { type Me, useLogout } from "@/features/access/api/access";
import { PauseBanner } from "@/features/pause/components/pause-banner";
import classes from "./shell.module.css";

const PLACES = [
  { to: "/", label: "Home", icon: IconHome },
  { to: "/connections", label: "Connections", icon: IconDatabase },
  { to: "/schemas", label: "Schemas", icon: IconTable },
  { to: "/mappings", label: "Mappings", icon: IconArrowsSplit2 },
  { to: "/schedules", label: "Schedules", icon: IconClock },
  { to: "/runs", label: "Runs", icon: IconActivity },
  { to: "/settings", label: "Settings", icon: IconSettings },
] as const;

export function Shell({ me, isLive }: { me: Me | null; isLive: boolean }) {
  const main = useRef<HTMLElement>(null);
  const places = useRef<HTMLElement>(null);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const isFirst = useRef(true);
  useEffect(() => {
    // A new page is read from its start; the first one keeps the browser's focus.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    // On a narrow screen the places are a strip that scrolls.
    places.current
      ?.querySelector("[data-active]")
      ?.scrollIntoView({ inline: "center", block: "nearest", behavior: "instant" });
  }, [pathname]);
  return (
    <div className={classes.shell}>
      <a href="#main" className="skip-link">
        Skip to content
      </a>
      <header className={classes.side}>
        <div className={classes.brand}>
          <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden>
            <rect width="32" height="32" rx="7" fill="#0b6e6e" />
            <path
              d="M7 10h7c4 0 4 12 8 12h3M7 22h7c4 0 4-12 8-12h3"
              fill="none"
              stroke="#fff"
              strokeWidth="2.6"
              strokeLinecap="round"
            />
          </svg>
          <Text span fw={650} size="md" className={classes.brandName}>
            ETL engine
          </Text>
        </div>
        <nav aria-label="Main" className={classes.nav} ref={places}>
          {PLACES.map(({ to, label, icon: Icon }) => (
            <Link
              key={to}
              to={to}
              className={classes.place}
              activeOptions={{ exact: to === "/" }}
              activeProps={{ "data-active": true, "aria-current": "page" }}
            >
              <Icon size={18} stroke={1.7} aria-hidden />
              <span>{label}</span>
            </Link>
          ))}
        </nav>
        <div className={classes.foot}>
          <Tooltip label={isLive ? "Changes arrive as they happen" : "Changes are asked for every 2 s"}>
            <Text size="xs" c="dimmed" className={classes.live}>
              <span className={isLive ? classes.dot : undefined} aria-hidden>
                {isLive ? "●" : "○"}
              </span>{" "}
              {isLive ? "live" : "polling"}
            </Text>
          </Tooltip>
          <Group gap={2} wrap="nowrap">
            <SchemeMenu />
            {me?.id && <AccountMenu me={me} />}
          </Group>
        </div>
      </header>
      <Box component="main" id="main" ref={main} tabIndex={-1} className={classes.main}>
        <PauseBanner canTurn={me === null || me.role === "ADMIN"} />
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </Box>
    </div>
  );
}

const SCHEMES = [
  { value: "light", label: "Light", icon: IconSun },
  { value: "dark", label: "Dark", icon: IconMoon },
  { value: "auto", label: "As the system", icon: IconSunMoon },
] as const;

function SchemeMenu() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const current = SCHEMES.find(({ value }) => value === colorScheme) ?? SCHEMES[2];
  return (
    <Menu position="top-end">
      <Menu.Target>
        <ActionIcon aria-label={`Colours: ${current.label}`} size="lg">
          <current.icon size={18} stroke={1.7} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map(({ value, label, icon: Icon }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={16} />}
            onClick={() => {
              setColorScheme(value);
            }}
            fw={value === colorScheme ? 650 : 400}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function AccountMenu({ me }: { me: Me }) {
  const logout = useLogout();
  return (
    <Menu position="top-end">
      <Menu.Target>
        <ActionIcon aria-label="Account" size="lg">
          <IconUser size={18} stroke={1.7} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.email ?? "Signed in without login"}
          <br />
          {me.role === "ADMIN" ? "Administrator" : me.read_only ? "Read only" : "Member"}
        </Menu.Label>
        <Menu.Item
          leftSection={<IconLogout size={16} />}
          onClick={() => {
            logout.mutate();
          }}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
