/**
 * The widget's styles on the host page. In a shadow tree, `!important` of :host beats `!important` of the page, so no rule of
 * the page can hide or move the widget; custom properties pass through, and are how a page themes it.
 */
const common = `
iframe{display:block;width:100%;height:100%;border:0;background:transparent;color-scheme:normal}
`;

const launcher = `
:host{all:initial!important;display:block!important;position:fixed!important;inset:auto!important;bottom:0!important;
z-index:var(--duologue-z-index,2147483000)!important;width:0!important;height:0!important;visibility:visible!important;
opacity:1!important;pointer-events:auto!important;transform:none!important;filter:none!important;clip-path:none!important;
overflow:visible!important;contain:none!important;color-scheme:light dark!important}
:host([data-theme=light]){color-scheme:light!important}
:host([data-theme=dark]){color-scheme:dark!important}
:host([data-side=right]){right:0!important}
:host([data-side=left]){left:0!important}
button{all:unset;position:fixed;bottom:20px;box-sizing:border-box;width:56px;height:56px;display:grid;place-items:center;
border-radius:50%;cursor:pointer;background:var(--duologue-accent,#2460cc);color:var(--duologue-on-accent,#fff);
box-shadow:0 2px 6px rgb(0 0 0/25%),0 6px 20px rgb(0 0 0/20%)}
:host([data-side=right]) :is(button,.panel){right:20px}
:host([data-side=left]) :is(button,.panel){left:20px}
button:focus-visible{outline:3px solid var(--duologue-accent,#2460cc);outline-offset:3px}
button:hover{filter:brightness(1.08)}
svg{width:26px;height:26px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.badge{position:absolute;top:-4px;right:-4px;min-width:22px;box-sizing:border-box;padding:0 6px;border-radius:11px;
background:#b3261e;color:#fff;font:600 13px/22px system-ui,sans-serif;text-align:center}
.panel{position:fixed;bottom:88px;width:min(384px,calc(100vw - 40px));height:min(600px,calc(100dvh - 108px));
overflow:hidden;border-radius:var(--duologue-radius,16px);background:var(--duologue-surface,Canvas);
box-shadow:0 4px 12px rgb(0 0 0/18%),0 12px 40px rgb(0 0 0/22%)}
[hidden]{display:none}
.status{position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media(max-width:479px){:host([data-side]) .panel{inset:0;width:auto;height:100dvh;border-radius:0;box-sizing:border-box;
padding:env(safe-area-inset-top) 0 env(safe-area-inset-bottom)}
:host([data-loaded]) .panel:not([hidden])+button{display:none}}
`;

const element = `
:host{display:block;height:520px;min-width:0;overflow:hidden;border:1px solid var(--duologue-line,#8886);
border-radius:var(--duologue-radius,16px)}
:host([hidden]){display:none}
`;

/** Made by script, which a content security policy of the page without 'unsafe-inline' lets pass. */
export function adopt(root: ShadowRoot, kind: "launcher" | "element"): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(common + (kind === "launcher" ? launcher : element));
  root.adoptedStyleSheets = [sheet];
}
