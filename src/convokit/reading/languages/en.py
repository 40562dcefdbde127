"""English."""

from convokit.reading.language import Language

LANGUAGE = Language(
    code="en",
    words={
        "number": {
            **dict(
                enumerate(
                    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
                    "sixteen seventeen eighteen nineteen".split()
                )
            ),
            **{20: "twenty", 30: "thirty", 40: "forty|fourty", 50: "fifty", 60: "sixty", 70: "seventy"},
            **{80: "eighty", 90: "ninety"},
        },
        "article": "a|an|one",
        "hundred": {100: "hundred"},
        "scale": {
            1000: "thousand|k", 100_000: "lakh|lakhs|lac", 10_000_000: "crore|crores", 1_000_000: "million",
            1_000_000_000: "billion",
        },
        "dozen": {12: "dozen", 2: "couple"},
        "half": "half",
        "quarter": "quarter",
        "and": "and",
        "of": "of",
        "day": {-1: "yesterday", 0: "today", 1: "tomorrow|tmrw|tomorow|tommorow|tommorrow", 2: "day after tomorrow|the day after tomorrow"},
        "day_part": {
            (0, "evening"): "tonight|this evening", (0, "morning"): "this morning", (0, "afternoon"): "this afternoon",
        },
        "weekday": dict(enumerate("monday tuesday wednesday|wednsday thursday friday saturday sunday".split())),
        "weekday_abbreviated": {0: "mon", 1: "tue|tues", 2: "wed", 3: "thu|thur|thurs", 4: "fri", 5: "sat", 6: "sun"},
        "month": dict(
            enumerate(
                "january|jan february|feb march|mar april|apr may june|jun july|jul august|aug september|sep|sept "
                "october|oct november|nov december|dec".split(),
                1,
            )
        ),
        "unit": {
            "s": "second|seconds|sec|secs", "m": "minute|minutes|min|mins", "h": "hour|hours|hr|hrs|h",
            "d": "day|days", "w": "week|weeks", "M": "month|months", "y": "year|years",
        },
        "span": {(2, "w"): "fortnight|a fortnight|one fortnight"},
        "compound_unit": {
            ("0.75", "h"): "three quarters of an hour", ("0.25", "h"): "quarter of an hour|a quarter of an hour|quarter hour",
            ("0.5", "h"): "half an hour|half hour|a half hour",
        },
        "in": "in",
        "after": "from now|later",
        "ago": "ago",
        "from_day": "from|after",
        "week_on": {7: "week", 14: "fortnight"},
        "this": "this",
        "coming": "coming|this coming|upcoming",
        "next": "next",
        "last": "last",
        "week": {0: "this week", 1: "next week|of next week"},
        "part": {
            "am": "am|a m|a.m", "pm": "pm|p m|p.m", "morning": "morning|in the morning",
            "afternoon": "afternoon|in the afternoon", "evening": "evening|in the evening", "night": "night|at night",
        },
        "exact": {12: "noon|midday|at noon|at midday|12 noon", 0: "midnight|at midnight"},
        "oclock": "o'clock|oclock",
        "past": "past",
        "to": "to",
        "at": "at|@",
        "ordinal": "st|nd|rd|th",
        "fill": (
            "the|on|at|in|for|please|pls|plz|just|only|i|we|us|me|my|i'd|like|want|need|take|have|will|be|is|are|it|it's|"
            "that|there|people|persons|person|guests|of|hi|hello|thanks|thank you|about|around|approximately|table|book|"
            "make it|let's|say|say us|ok|okay|all|adults|date|time|d|m|s|ll|re|would"
        ),
        "people": "table|people|persons|person|guests|adults|party|kids|children",
        "or": "or",
        "unsure": (
            "not|no|never|except|but|before|after|until|till|by|between|than|least|most|from|since|any|anytime|either|"
            "neither|every|each|ish|once|twice|cent|cents|busy|bad|away|impossible|cancel|maybe|perhaps|without|minus|don|t|dont|cannot|more|less|under|over|nothing|none|following"
        ),
        "currency": {
            "EUR": "euro|euros", "GBP EGP": "pound|pounds|quid", "TRY": "lira|liras|tl", "INR PKR": "rupee|rupees|rs",
            "ILS": "shekel|shekels|nis", "USD CAD AUD NZD SGD HKD": "dollar|dollars|bucks", "AED MAD": "dirham|dirhams",
            "CHF": "franc|francs", "SAR QAR": "riyal|riyals",
        },
        "yes": (
            "yes|y|yeah|yep|yup|sure|ok|okay|of course|certainly|absolutely|definitely|correct|right|that's right|"
            "that is correct|that's correct|fine|sounds good|go ahead|please do|yes please|indeed|agreed|i do|i am|"
            "confirm|confirmed|yes i do|yes i am|all right|alright"
        ),
        "no": "no|n|nope|nah|no thanks|no thank you|not really|not at all|never|i don't|i do not|i'm not|i am not|wrong|that's wrong",
        "polite": "please|pls|plz|thanks|thank you|thx|very much|a lot|dear|sir|madam|do|it|that's|it's|is|great|good|perfect|then|so|well|oh|just",
        "none": "none|none of them|nothing|neither",
        "all": "all|all of them|everything|both|every one",
        "lead": "my name is|i am|i'm|this is|the name is|name is|name|it's|call me",
    },
    months=tuple("January February March April May June July August September October November December".split()),
    weekdays=tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()),
    day_form="{weekday} {day} {month}",
    year_form="{weekday} {day} {month} {year}",
    hours={0: "{hour}:{minute} am", 12: "{hour}:{minute} pm"},
)  # fmt: skip
