// Owns what is shown when drawing itself fails: what happened, that recording is not touched by it, and the way back.
import { Component, type ReactNode } from "react";

export class FailureBoundary extends Component<{ readonly children: ReactNode }, { readonly message: string | undefined }> {
  override state: { readonly message: string | undefined } = { message: undefined };

  static getDerivedStateFromError(error: unknown): { readonly message: string } {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.message === undefined) return this.props.children;
    return (
      <div className="failure" role="alert" data-testid="failure">
        <h1>The screen stopped</h1>
        <p>{this.state.message}</p>
        <p className="dim">Recording goes on in the engine. Nothing that was recorded is affected.</p>
        <button type="button" className="wide" onClick={() => location.reload()}>Reload the screen</button>
      </div>
    );
  }
}
