import { Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";

type Linked<P> = P &
  Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof P> & { ref?: Ref<HTMLAnchorElement> };

function ButtonAnchor(props: Linked<ButtonProps>) {
  return <Button component="a" {...props} />;
}

function TextAnchor(props: Linked<AnchorProps>) {
  return <Anchor {...props} />;
}

export const LinkButton = createLink(ButtonAnchor);
export const TextLink = createLink(TextAnchor);
