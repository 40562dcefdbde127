const chat = document.querySelector("convokit-chat");

// --8<-- [start:strings]
chat.strings = { write: "Your question about oils", sent: "With us since {time}" };
// --8<-- [end:strings]

// --8<-- [start:context]
chat.context = { product: "oil-7", cart: { total: 61.5 } };
// --8<-- [end:context]

// --8<-- [start:token]
if (document.body.dataset.customer) {
  chat.getToken = async () => {
    const answer = await fetch("/chat-token", { headers: { "X-Convokit": "1" } });
    return answer.ok ? (await answer.json()).token : null;
  };
}
// --8<-- [end:token]

// --8<-- [start:events]
chat.addEventListener("ck-unread", (event) => {
  document.title = event.detail.n ? `(${event.detail.n}) Olive Store` : "Olive Store";
});
// --8<-- [end:events]
