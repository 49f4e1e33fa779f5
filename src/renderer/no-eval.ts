// The first import of the screen's entry: validation without generated code, before any schema exists. The page's policy
// refuses code from text; zod would try all the same, swallow the refusal, and leave a policy violation behind.
import { z } from "zod";

z.config({ jitless: true });
