"""What a phone line says of its own accord, in eight languages; each sentence can be replaced by one's own."""

from collections.abc import Mapping
from types import MappingProxyType

from convokit.errors import DefinitionError

ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "hello": "Hello. How can I help you?",
        "choice": "For {label}, press {key}, or say {label}.",
        "choice_of_many": "For {label}, press {key}.",
        "or_say": "Or just say what you would like.",
        "unheard": "I did not hear anything.",
        "more": "Is there anything else I can do for you?",
        "goodbye": "Goodbye.",
        "moment": "One moment, please.",
        "again": "Excuse me, please say that again.",
        "later": "This takes a little longer. I will tell you as soon as I know. What else can I do for you?",
        "nobody": "I am sorry, nobody can take your call right now. What else can I do for you?",
        "link": "{label}: that is a page on the web, at {host}.",
        "place": "The place is {title}.",
        "unnamed_place": "There is a place on the map, which I cannot show on the phone.",
        "media": "{title}, which I cannot show on the phone.",
        "unnamed_media": "There is something that I cannot show on the phone.",
        "whisper": "You have a call from {who}.",
        "withheld": "a withheld number",
        "reason": "The reason: {reason}.",
        "said": "The caller said: {said}.",
        "take": "Press any key to take the call.",
    }
)

SENTENCES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": ENGLISH,
        "de": {
            "hello": "Guten Tag. Wie kann ich Ihnen helfen?",
            "choice": "Für {label} drücken Sie die {key} oder sagen Sie {label}.",
            "choice_of_many": "Für {label} drücken Sie die {key}.",
            "or_say": "Oder sagen Sie einfach, was Sie möchten.",
            "unheard": "Ich habe nichts gehört.",
            "more": "Kann ich sonst noch etwas für Sie tun?",
            "goodbye": "Auf Wiederhören.",
            "moment": "Einen Moment, bitte.",
            "again": "Entschuldigung, bitte sagen Sie das noch einmal.",
            "later": "Das dauert etwas länger. Ich sage es Ihnen, sobald ich es weiß. Was kann ich sonst für Sie tun?",
            "nobody": "Leider kann gerade niemand Ihren Anruf annehmen. Was kann ich sonst für Sie tun?",
            "link": "{label}: Das ist eine Seite im Internet, auf {host}.",
            "place": "Der Ort ist {title}.",
            "unnamed_place": "Dazu gehört ein Ort auf der Karte, den ich am Telefon nicht zeigen kann.",
            "media": "{title}, was ich am Telefon nicht zeigen kann.",
            "unnamed_media": "Dazu gehört etwas, das ich am Telefon nicht zeigen kann.",
            "whisper": "Sie haben einen Anruf von {who}.",
            "withheld": "einer unterdrückten Nummer",
            "reason": "Der Grund: {reason}.",
            "said": "Gesagt wurde: {said}.",
            "take": "Drücken Sie eine beliebige Taste, um das Gespräch anzunehmen.",
        },
        "fr": {
            "hello": "Bonjour. Comment puis-je vous aider ?",
            "choice": "Pour {label}, tapez {key} ou dites {label}.",
            "choice_of_many": "Pour {label}, tapez {key}.",
            "or_say": "Ou dites simplement ce que vous souhaitez.",
            "unheard": "Je n'ai rien entendu.",
            "more": "Puis-je faire autre chose pour vous ?",
            "goodbye": "Au revoir.",
            "moment": "Un instant, s'il vous plaît.",
            "again": "Excusez-moi, veuillez répéter.",
            "later": "Cela prend un peu plus de temps. Je vous le dirai dès que possible. Que puis-je faire d'autre ?",
            "nobody": "Je regrette, personne ne peut prendre votre appel. Que puis-je faire d'autre ?",
            "link": "{label} : c'est une page sur Internet, à l'adresse {host}.",
            "place": "Le lieu est {title}.",
            "unnamed_place": "Il y a un lieu sur la carte, que je ne peux pas montrer au téléphone.",
            "media": "{title}, que je ne peux pas montrer au téléphone.",
            "unnamed_media": "Il y a quelque chose que je ne peux pas montrer au téléphone.",
            "whisper": "Vous avez un appel de {who}.",
            "withheld": "un numéro masqué",
            "reason": "Le motif : {reason}.",
            "said": "La personne a dit : {said}.",
            "take": "Appuyez sur une touche pour prendre l'appel.",
        },
        "es": {
            "hello": "Hola. ¿En qué puedo ayudarle?",
            "choice": "Para {label}, pulse {key} o diga {label}.",
            "choice_of_many": "Para {label}, pulse {key}.",
            "or_say": "O diga simplemente lo que desea.",
            "unheard": "No he oído nada.",
            "more": "¿Puedo hacer algo más por usted?",
            "goodbye": "Adiós.",
            "moment": "Un momento, por favor.",
            "again": "Disculpe, repítalo, por favor.",
            "later": "Esto tarda un poco más. Se lo diré en cuanto lo sepa. ¿Qué más puedo hacer por usted?",
            "nobody": "Lo siento, nadie puede atender su llamada ahora. ¿Qué más puedo hacer por usted?",
            "link": "{label}: es una página de Internet, en {host}.",
            "place": "El lugar es {title}.",
            "unnamed_place": "Hay un lugar en el mapa que no puedo mostrar por teléfono.",
            "media": "{title}, que no puedo mostrar por teléfono.",
            "unnamed_media": "Hay algo que no puedo mostrar por teléfono.",
            "whisper": "Tiene una llamada de {who}.",
            "withheld": "un número oculto",
            "reason": "El motivo: {reason}.",
            "said": "Ha dicho: {said}.",
            "take": "Pulse cualquier tecla para atender la llamada.",
        },
        "tr": {
            "hello": "Merhaba. Size nasıl yardımcı olabilirim?",
            "choice": "{label} için {key} tuşuna basın veya {label} deyin.",
            "choice_of_many": "{label} için {key} tuşuna basın.",
            "or_say": "Ya da ne istediğinizi söyleyin.",
            "unheard": "Bir şey duymadım.",
            "more": "Sizin için yapabileceğim başka bir şey var mı?",
            "goodbye": "Hoşça kalın.",
            "moment": "Bir dakika lütfen.",
            "again": "Affedersiniz, lütfen tekrar söyleyin.",
            "later": "Bu biraz daha uzun sürüyor. Öğrenince size söyleyeceğim. Başka ne yapabilirim?",
            "nobody": "Üzgünüm, şu anda kimse çağrınıza yanıt veremiyor. Başka ne yapabilirim?",
            "link": "{label}: bu bir internet sayfası, adresi {host}.",
            "place": "Yer: {title}.",
            "unnamed_place": "Haritada bir yer var, ama telefonda gösteremem.",
            "media": "{title}. Bunu telefonda gösteremem.",
            "unnamed_media": "Telefonda gösteremeyeceğim bir şey var.",
            "whisper": "Bir çağrınız var. Arayan: {who}.",
            "withheld": "gizli numara",
            "reason": "Nedeni: {reason}.",
            "said": "Arayan şunu söyledi: {said}.",
            "take": "Çağrıyı almak için herhangi bir tuşa basın.",
        },
        "ar": {
            "hello": "مرحبا. كيف يمكنني مساعدتك؟",
            "choice": "لاختيار {label} اضغط {key} أو قل {label}.",
            "choice_of_many": "لاختيار {label} اضغط {key}.",
            "or_say": "أو قل ما تريد.",
            "unheard": "لم أسمع شيئا.",
            "more": "هل هناك شيء آخر يمكنني مساعدتك فيه؟",
            "goodbye": "مع السلامة.",
            "moment": "لحظة من فضلك.",
            "again": "عفوا، أعد من فضلك.",
            "later": "سيستغرق هذا وقتا أطول قليلا. سأخبرك حالما أعرف. بماذا يمكنني مساعدتك أيضا؟",
            "nobody": "عذرا، لا أحد يستطيع الرد على مكالمتك الآن. بماذا يمكنني مساعدتك أيضا؟",
            "link": "{label}: هذه صفحة على الإنترنت، على {host}.",
            "place": "المكان هو {title}.",
            "unnamed_place": "هناك مكان على الخريطة لا يمكنني عرضه عبر الهاتف.",
            "media": "{title}، ولا يمكنني عرض ذلك عبر الهاتف.",
            "unnamed_media": "هناك شيء لا يمكنني عرضه عبر الهاتف.",
            "whisper": "لديك مكالمة من {who}.",
            "withheld": "رقم محجوب",
            "reason": "السبب: {reason}.",
            "said": "قال المتصل: {said}.",
            "take": "اضغط أي مفتاح لاستلام المكالمة.",
        },
        "he": {
            "hello": "שלום. איך אפשר לעזור?",
            "choice": "עבור {label} הקישו {key} או אמרו {label}.",
            "choice_of_many": "עבור {label} הקישו {key}.",
            "or_say": "או פשוט אמרו מה תרצו.",
            "unheard": "לא שמעתי דבר.",
            "more": "אפשר לעזור בעוד משהו?",
            "goodbye": "להתראות.",
            "moment": "רגע אחד, בבקשה.",
            "again": "סליחה, אמרו זאת שוב, בבקשה.",
            "later": "זה לוקח קצת יותר זמן. אומר לכם ברגע שאדע. במה עוד אפשר לעזור?",
            "nobody": "מצטערים, איש אינו יכול לענות לשיחה כרגע. במה עוד אפשר לעזור?",
            "link": "{label}: זה דף באינטרנט, באתר {host}.",
            "place": "המקום הוא {title}.",
            "unnamed_place": "יש מקום על המפה שאי אפשר להציג בטלפון.",
            "media": "{title}, ואי אפשר להציג זאת בטלפון.",
            "unnamed_media": "יש משהו שאי אפשר להציג בטלפון.",
            "whisper": "יש לכם שיחה מאת {who}.",
            "withheld": "מספר חסוי",
            "reason": "הסיבה: {reason}.",
            "said": "דברי המתקשר: {said}.",
            "take": "הקישו על מקש כלשהו כדי לקבל את השיחה.",
        },
        "hi": {
            "hello": "नमस्ते। मैं आपकी क्या मदद कर सकता हूँ?",
            "choice": "{label} के लिए {key} दबाएँ या {label} बोलें।",
            "choice_of_many": "{label} के लिए {key} दबाएँ।",
            "or_say": "या बस बताइए कि आप क्या चाहते हैं।",
            "unheard": "मुझे कुछ सुनाई नहीं दिया।",
            "more": "क्या मैं आपके लिए कुछ और कर सकता हूँ?",
            "goodbye": "नमस्कार।",
            "moment": "एक क्षण, कृपया।",
            "again": "क्षमा करें, कृपया फिर से बोलें।",
            "later": "इसमें थोड़ा और समय लगेगा। पता चलते ही बताऊँगा। मैं और क्या कर सकता हूँ?",
            "nobody": "क्षमा करें, अभी कोई आपकी कॉल नहीं ले सकता। मैं और क्या कर सकता हूँ?",
            "link": "{label}: यह इंटरनेट पर {host} का पन्ना है।",
            "place": "जगह है {title}।",
            "unnamed_place": "नक्शे पर एक जगह है, जिसे मैं फ़ोन पर नहीं दिखा सकता।",
            "media": "{title}, जिसे मैं फ़ोन पर नहीं दिखा सकता।",
            "unnamed_media": "कुछ है जिसे मैं फ़ोन पर नहीं दिखा सकता।",
            "whisper": "आपके लिए {who} से कॉल है।",
            "withheld": "छिपे हुए नंबर",
            "reason": "कारण: {reason}।",
            "said": "कॉल करने वाले ने कहा: {said}।",
            "take": "कॉल लेने के लिए कोई भी बटन दबाएँ।",
        },
    }
)


class Sentences:
    """One language's sentences, with the business's own in place of the built-in ones.

    Args:
        language: A BCP 47 tag such as "en-GB"; one that is not among the eight speaks English.
        own: Sentences by name.

    Raises:
        DefinitionError: A name is none of them, a sentence is not text, or one lacks the word in its braces.
    """

    def __init__(self, language: str, own: Mapping[str, str]) -> None:
        built_in = SENTENCES.get(language.partition("-")[0].lower(), ENGLISH)
        for name, sentence in own.items():
            if name not in ENGLISH:
                raise DefinitionError(f"sentences: there is none called {name!r:.40}; there are {', '.join(ENGLISH)}")
            if not isinstance(sentence, str):
                raise DefinitionError(f"sentences[{name!r}] is a text, not {sentence!r:.60}")
            if name == "choice" and "{key}" not in sentence:
                raise DefinitionError("sentences['choice'] needs {key}, where the key is told that a caller presses")
        self._all = {**built_in, **own}

    def say(self, name: str, **values: str) -> str:
        """A sentence with its words put in; empty when the business's own is."""
        sentence = self._all[name]
        for key, value in values.items():
            sentence = sentence.replace(f"{{{key}}}", value)
        return sentence
