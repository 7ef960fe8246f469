import { Button } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import { Anchor } from "@mantine/core";

export const LinkButton = createLink(Button<"a">);
export const TextLink = createLink(Anchor<"a">);
