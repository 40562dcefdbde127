"""German. "halb neun" is half past eight."""

from convokit.reading.language import Language

LANGUAGE = Language(
    code="de",
    words={
        "number": {
            **dict(
                enumerate(
                    "null|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|dreizehn|vierzehn|fünfzehn|sechzehn|siebzehn|"
                    "achtzehn|neunzehn|zwanzig".split("|")
                )
            ),
            1: "eins|ein|eine|einen|einem|einer|eines", 2: "zwei|zwo|zu zweit", 3: "drei|zu dritt", 4: "vier|zu viert",
            5: "fünf|fuenf|zu fünft", 6: "sechs|zu sechst", 7: "sieben|zu siebt", 8: "acht|zu acht", 12: "zwölf|zwoelf",
            15: "fünfzehn|fuenfzehn", 30: "dreißig", 40: "vierzig", 50: "fünfzig|fuenfzig", 60: "sechzig", 70: "siebzig",
            80: "achtzig", 90: "neunzig", "1.5": "anderthalb|eineinhalb",
        },
        "article": "ein|eine|einen|einem|einer|eines",
        "hundred": {100: "hundert"},
        "scale": {1000: "tausend", 1_000_000: "million|millionen|mio", 1_000_000_000: "milliarde|milliarden"},
        "dozen": {12: "dutzend"},
        "half": "halb|halbe|halben|halbes|halber",
        "and_half": "einhalb",
        "quarter": "viertel",
        "three_quarters": "dreiviertel",
        "and": "und",
        "day": {-2: "vorgestern", -1: "gestern", 0: "heute", 1: "morgen", 2: "übermorgen|uebermorgen"},
        "weekday": dict(enumerate("montag dienstag mittwoch donnerstag freitag samstag|sonnabend sonntag".split())),
        "month": dict(
            enumerate(
                "januar|jänner|jan februar|feb märz|maerz april|apr mai juni juli august|aug september|sept oktober|okt "
                "november|nov dezember|dez".split(),
                1,
            )
        ),
        "unit": {
            "s": "sekunde|sekunden|sek", "m": "minute|minuten|min", "h": "stunde|stunden|std|h", "d": "tag|tage|tagen",
            "w": "woche|wochen", "M": "monat|monate|monaten", "y": "jahr|jahre|jahren",
        },
        "compound_unit": {("0.5", "h"): "halbstunde", ("0.25", "h"): "viertelstunde", ("0.75", "h"): "dreiviertelstunde"},
        "in": "in",
        "ago": "vor",
        "counted_in": "in",
        "this": "diesen|dieser|diese|dieses|diesem",
        "coming": "kommenden|kommender|kommende|kommendem",
        "next": "nächsten|nächster|nächste|nächstem|naechsten|naechste",
        "last": "letzten|letzter|letzte|letztem|vergangenen",
        "week": {
            0: "diese woche|dieser woche|in dieser woche",
            1: "nächste woche|nächster woche|in der nächsten woche|kommende woche|kommender woche",
        },
        "part": {
            "morning": "morgens|am morgen|früh|am vormittag|vormittags|vormittag|in der früh",
            "noon": "mittags|am mittag|mittag", "afternoon": "nachmittags|am nachmittag|nachmittag",
            "evening": "abends|am abend|abend", "night": "nachts|in der nacht|nacht",
        },
        "midday": "mittags|am mittag|mittag",
        "exact": {0: "mitternacht|um mitternacht"},
        "oclock": "uhr|h",
        "past": "nach",
        "to": "vor",
        "at": "um",
        "ordinal": "ter|te|ten",
        "fill": (
            "in|bin|der|die|das|den|dem|am|an|im|für|bitte|wir|sind|zu|ich|möchte|möchten|hätte|gern|gerne|nur|uns|mir|personen|person|"
            "leute|tisch|reservieren|einen tisch|mal|stück|hallo|danke|um|ca|circa|etwa|ungefähr|gegen|es|wären|ja|passt|"
            "datum|uhrzeit|dann|also|mit|so|gegen"
        ),
        "people": "person|personen|leute|tisch|einen tisch",
        "or": "oder|bzw",
        "unsure": (
            "nicht|kein|keine|keinen|außer|ausser|bis|ab|von|zwischen|aber|mindestens|höchstens|maximal|minimal|vielleicht|"
            "jeden|jeder|alle|kann|par|mehr|weniger|ohne|nie|eventuell|nein|minus|über|unter|danach|davor|übernächsten"
        ),
        "currency": {
            "EUR": "euro|euros", "USD CAD AUD": "dollar", "GBP": "pfund", "CHF": "franken|sfr|fr", "TRY": "lira",
        },
        "yes": (
            "ja|jawohl|jo|klar|na klar|ok|okay|gerne|gern|ja gerne|ja bitte|natürlich|selbstverständlich|sicher|richtig|stimmt|"
            "genau|einverstanden|passt|in ordnung|auf jeden fall|bestätigt|jup|jep"
        ),
        "no": "nein|nee|nö|nein danke|auf keinen fall|lieber nicht|falsch|stimmt nicht|nicht",
        "polite": "bitte|danke|vielen dank|schön|sehr|dankeschön|das|doch|so",
        "none": "keine|keins|keiner|keines|nichts|keine davon|keines davon",
        "all": "alle|alles|beide|beides",
        "lead": "ich heiße|mein name ist|ich bin|mein name|ich heisse",
    },
    months=tuple("Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()),
    weekdays=tuple("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split()),
    day_form="{weekday}, {day}. {month}",
    year_form="{weekday}, {day}. {month} {year}",
    moment_form="{day}, {time} Uhr",
    compounds=True,
    units_first=True,
    half_before=True,
)  # fmt: skip
