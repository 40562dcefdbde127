// The chat alone on a page: in the visitor's own language, and in its direction.
document.documentElement.lang = navigator.language || "en";
document.querySelector("convokit-chat").lang = document.documentElement.lang;
import("./loader.js");
