"""French, with the numbers of Belgium and Switzerland too."""

from convokit.reading.language import Language

LANGUAGE = Language(
    code="fr",
    words={
        "number": {
            **dict(
                enumerate(
                    "zéro un|une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
                    "dix-sept dix-huit dix-neuf vingt".split()
                )
            ),
            **{30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante", 70: "septante", 80: "quatre-vingt|quatre-vingts|huitante"},
            **{90: "nonante"},
        },
        "article": "un|une",
        "hundred": {100: "cent|cents"},
        "scale": {1000: "mille|mil", 1_000_000: "million|millions", 1_000_000_000: "milliard|milliards"},
        "dozen": {12: "douzaine|douzaines"},
        "half": "demi|demie|demis|demies",
        "quarter": "quart",
        "and": "et",
        "of": "de|d",
        "day": {-2: "avant-hier", -1: "hier", 0: "aujourd'hui|aujourdhui", 1: "demain", 2: "après-demain"},
        "day_part": {
            (0, "evening"): "ce soir", (0, "afternoon"): "cet après-midi|cette après-midi", (0, "morning"): "ce matin",
            (0, "night"): "cette nuit",
        },
        "weekday": dict(enumerate("lundi mardi mercredi jeudi vendredi samedi dimanche".split())),
        "month": dict(
            enumerate(
                "janvier|janv février|fév|févr mars avril|avr mai juin juillet|juil août septembre octobre|oct "
                "novembre|nov décembre|déc".split(),
                1,
            )
        ),
        "unit": {
            "s": "seconde|secondes|sec", "m": "minute|minutes|min|mn", "h": "heure|heures|h", "d": "jour|jours",
            "w": "semaine|semaines", "M": "mois", "y": "an|ans|année|années",
        },
        "span": {(2, "w"): "quinzaine|une quinzaine|une quinzaine de jours|quinzaine de jours"},
        "compound_unit": {
            ("0.75", "h"): "trois quarts d'heure", ("0.25", "h"): "quart d'heure|un quart d'heure",
            ("0.5", "h"): "demi-heure|une demi-heure",
        },
        "in": "dans|d'ici",
        "ago": "il y a",
        "counted_in": "en",
        "this": "ce|cet|cette",
        "next": "prochain|prochaine|qui vient|suivant",
        "last": "dernier|dernière",
        "week": {0: "cette semaine|de cette semaine", 1: "la semaine prochaine|semaine prochaine|de la semaine prochaine"},
        "part": {
            "morning": "matin|du matin|le matin|au matin|en matinée", "afternoon": "après-midi|de l'après-midi|l'après-midi",
            "evening": "soir|du soir|le soir|au soir|en soirée", "night": "la nuit|de la nuit|dans la nuit",
        },
        "exact": {12: "midi|à midi", 0: "minuit|à minuit"},
        "oclock": "heure|heures|h|heures pile",
        "minus": "moins|moins le",
        "at": "à|vers",
        "ordinal": "er|ère|e|ème",
        "fill": (
            "le|la|les|l|du|des|de|d|à|au|aux|en|pour|s'il vous plaît|s'il te plaît|svp|stp|nous|sommes|serons|je|j|voudrais|veux|"
            "voudrions|personnes|personne|on|est|sera|une table|table|réserver|bonjour|merci|juste|seulement|vers|environ|disons|"
            "plutôt|c|moi|prends|prendrai|date|une quinzaine de personnes"
        ),
        "people": "personne|personnes|table|une table",
        "or": "ou",
        "unsure": (
            "pas|non|ne|sauf|avant|après|jusque|jusqu|jusqu'au|entre|mais|plus|peut-être|chaque|tous|toutes|par|dès|depuis|au moins|maximum|"
            "minimum|partir|aucun|aucune|sans|jamais"
        ),
        "currency": {
            "EUR": "euro|euros", "USD CAD AUD": "dollar|dollars", "CHF XOF XAF": "franc|francs", "GBP": "livre|livres",
            "TRY": "livre turque|livres turques", "MAD AED": "dirham|dirhams", "TND DZD": "dinar|dinars",
        },
        "yes": (
            "oui|ouais|ok|d'accord|bien sûr|volontiers|avec plaisir|tout à fait|exact|exactement|c'est ça|c'est bon|parfait|"
            "oui merci|oui s'il vous plaît|oui svp|certainement|absolument|entendu|je confirme|ça marche"
        ),
        "no": "non|non merci|pas du tout|surtout pas|nan|jamais|c'est faux",
        "polite": "s'il vous plaît|s'il te plaît|svp|stp|merci|merci beaucoup|beaucoup|bien|monsieur|madame",
        "none": "aucun|aucune|aucun d'eux|rien",
        "all": "tous|toutes|tout|les deux",
        "lead": "je m'appelle|mon nom est|je suis|moi c'est",
    },
    months=tuple(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
    ),
    weekdays=tuple("lundi mardi mercredi jeudi vendredi samedi dimanche".split()),
    day_form="{weekday} {day} {month}",
    year_form="{weekday} {day} {month} {year}",
    twenties=True,
)  # fmt: skip
