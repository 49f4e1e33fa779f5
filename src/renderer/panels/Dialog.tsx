// Owns the frame of every dialog. Not modal: recording and the chart go on, and nothing needs an injected style sheet.
import type { ReactElement, ReactNode } from "react";
import { Dialog as Primitive } from "radix-ui";
import { openDialog, screenStore, type DialogName } from "../store/screen.ts";
import { Icon } from "./Icon.tsx";

function close(name: DialogName): void {
  if (screenStore.getState().dialog === name) openDialog(undefined);
}

/** `isSticky`: a press beside it does not close it, since what was typed would be lost. */
export function Dialog({ name, title, children, testId, isBare = false, isSticky = false }: {
  readonly name: DialogName; readonly title: string; readonly children: ReactNode; readonly testId?: string; readonly isBare?: boolean; readonly isSticky?: boolean;
}): ReactElement {
  return (
    <Primitive.Root open modal={false} onOpenChange={(isOpen) => { if (!isOpen) close(name); }}>
      <Primitive.Portal>
        <Primitive.Content
          className={`dialog dialog-${name}`} aria-describedby={undefined} data-testid={testId}
          onInteractOutside={(event) => { if (isSticky) event.preventDefault(); }}
        >
          <Primitive.Title className={isBare ? "for-readers" : "dialog-title"}>{title}</Primitive.Title>
          {!isBare && <Primitive.Close className="star dialog-close" aria-label="Close"><Icon name="close" /></Primitive.Close>}
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
