"""Spanish. "mañana" is tomorrow, and with its article the morning."""

from convokit.reading.language import Language

LANGUAGE = Language(
    code="es",
    words={
        "number": {
            **dict(
                enumerate(
                    "cero uno|una|un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
                    "diecisiete dieciocho diecinueve veinte veintiuno|veintiún|veintiuna veintidós veintitrés veinticuatro "
                    "veinticinco veintiséis veintisiete veintiocho veintinueve treinta".split()
                )
            ),
            **{40: "cuarenta", 50: "cincuenta", 60: "sesenta", 70: "setenta", 80: "ochenta", 90: "noventa"},
            **{200: "doscientos|doscientas", 300: "trescientos|trescientas", 400: "cuatrocientos|cuatrocientas"},
            **{500: "quinientos|quinientas", 600: "seiscientos|seiscientas", 700: "setecientos|setecientas"},
            **{800: "ochocientos|ochocientas", 900: "novecientos|novecientas"},
        },
        "article": "un|una|uno",
        "hundred": {100: "cien|ciento"},
        "scale": {1000: "mil", 1_000_000: "millón|millones"},
        "dozen": {12: "docena|docenas", 2: "par"},
        "half": "medio|media",
        "quarter": "cuarto",
        "and": "y|e",
        "of": "de",
        "day": {-2: "anteayer|antier", -1: "ayer", 0: "hoy", 1: "mañana", 2: "pasado mañana"},
        "day_part": {
            (0, "night"): "esta noche", (0, "afternoon"): "esta tarde", (0, "morning"): "esta mañana",
            (1, "night"): "mañana noche", (1, "afternoon"): "mañana tarde",
        },
        "weekday": dict(enumerate("lunes martes miércoles jueves viernes sábado domingo".split())),
        "month": dict(
            enumerate(
                "enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre diciembre".split(),
                1,
            )
        ),
        "unit": {
            "s": "segundo|segundos", "m": "minuto|minutos|min", "h": "hora|horas|h|hs", "d": "día|días", "w": "semana|semanas",
            "M": "mes|meses", "y": "año|años",
        },
        "span": {(15, "d"): "quincena|una quincena"},
        "compound_unit": {("0.75", "h"): "tres cuartos de hora", ("0.25", "h"): "cuarto de hora|un cuarto de hora"},
        "in": "en|dentro de|de aquí a",
        "ago": "hace",
        "counted_in": "en",
        "this": "este|esta",
        "next": "próximo|próxima|que viene",
        "last": "pasado|pasada",
        "week": {
            0: "esta semana|de esta semana",
            1: "la próxima semana|próxima semana|la semana que viene|semana que viene|de la semana que viene|de la próxima semana",
        },
        "part": {
            "morning": "la mañana|las mañanas|de la mañana|por la mañana|en la mañana|a la mañana", "am": "de la madrugada|am|a m|a.m", "pm": "pm|p m|p.m",
            "noon": "del mediodía", "afternoon": "de la tarde|por la tarde|en la tarde|a la tarde",
            "night": "de la noche|por la noche|en la noche|a la noche",
        },
        "exact": {12: "mediodía|al mediodía|a mediodía", 0: "medianoche|a medianoche|a la medianoche"},
        "oclock": "hora|horas|h|hs|en punto",
        "minus": "menos",
        "at": "a las|a la|las|sobre las|para las",
        "ordinal": "o|a",
        "fill": (
            "el|la|los|las|a|al|de|del|en|para|por|por favor|porfa|favor|somos|seremos|quiero|queremos|quisiera|necesito|personas|"
            "persona|gente|día|una mesa|mesa|reservar|reserva|hola|gracias|solo|sólo|seríamos|me|nos|gustaría|que sea|sobre|unos|"
            "pues|vale|fecha"
        ),
        "people": "persona|personas|mesa|una mesa|gente",
        "or": "o|u",
        "unsure": (
            "no|ni|excepto|salvo|antes|después|hasta|desde|entre|pero|mínimo|máximo|quizás|quizá|tal vez|cada|más|al menos|"
            "cualquier|todos|todas|nunca|sin|siguiente|ningún|ninguno|partir"
        ),
        "currency": {
            "EUR": "euro|euros", "USD CAD AUD": "dólar|dólares", "GBP": "libra|libras", "TRY": "lira|liras",
            "MXN ARS COP CLP UYU": "peso|pesos", "PEN": "sol|soles",
        },
        "yes": (
            "sí|si|claro|claro que sí|vale|de acuerdo|por supuesto|ok|okey|bueno|correcto|perfecto|está bien|sí por favor|"
            "sí gracias|desde luego|confirmo|exacto|dale"
        ),
        "no": "no|no gracias|para nada|claro que no|en absoluto|nunca|incorrecto",
        "polite": "por favor|gracias|muchas gracias|porfa|señor|señora|muy|bien",
        "none": "ninguno|ninguna|ninguno de ellos|nada",
        "all": "todos|todas|todo|ambos|ambas|los dos|las dos",
        "lead": "me llamo|mi nombre es|soy|mi nombre",
    },
    months=tuple("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()),
    weekdays=tuple("lunes martes miércoles jueves viernes sábado domingo".split()),
    day_form="{weekday} {day} de {month}",
    year_form="{weekday} {day} de {month} de {year}",
    hours={0: "{hour}:{minute} a.m.", 12: "{hour}:{minute} p.m."},
)  # fmt: skip
