// The one-time link's token comes behind "#", so that no log and no Referer ever has it; the inbox takes it once.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const inbox = document.getElementById("inbox");
inbox.src = /^[\w-]{20,}$/.test(token) ? `inbox/signin/${token}` : "inbox/";
