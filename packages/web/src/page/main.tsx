/** The page's beginning. */
import { type JSX, render } from "preact";
import { ChatView } from "./chat-view.tsx";
import { ChatContext, SurroundingsContext } from "./contexts.ts";
import { keepPage } from "./keep-page.ts";
import { Page } from "./page.ts";
import { SignIn } from "./sign-in.tsx";

function App({ page }: { readonly page: Page }): JSX.Element {
  const chat = page.chat.value;
  return (
    <SurroundingsContext.Provider value={page}>
      {chat === undefined ? (
        <SignIn state={page.signIn} signIn={(nickname) => page.connect(nickname)} />
      ) : (
        <ChatContext.Provider value={chat}>
          <ChatView />
        </ChatContext.Provider>
      )}
    </SurroundingsContext.Provider>
  );
}

const place = document.getElementById("app");
if (place !== null) {
  const page = new Page();
  page.start();
  render(<App page={page} />, place);
  keepPage(page.environment);
}
