"""Turkish. The ends of words are folded as everywhere: "geçe" (past) and "gece" (night) are one word here."""

from convokit.reading.language import Language

LANGUAGE = Language(
    code="tr",
    words={
        "number": {
            **dict(enumerate("sıfır bir iki üç dört beş altı yedi sekiz dokuz on".split())),
            **{20: "yirmi", 30: "otuz", 40: "kırk", 50: "elli", 60: "altmış", 70: "yetmiş", 80: "seksen", 90: "doksan"},
        },
        "article": "bir",
        "hundred": {100: "yüz"},
        "scale": {1000: "bin", 1_000_000: "milyon", 1_000_000_000: "milyar"},
        "dozen": {12: "düzine"},
        "half": "yarım",
        "and_half": "buçuk|buçukta|buçuğa",
        "quarter": "çeyrek",
        "and": "ve",
        "day": {
            -2: "evvelsi gün|evvelki gün", -1: "dün", 0: "bugün|bu gün", 1: "yarın|yarına",
            2: "öbür gün|yarın değil öbür gün|yarından sonraki gün",
        },
        "day_part": {
            (0, "evening"): "bu akşam|bu akşama", (0, "morning"): "bu sabah", (0, "night"): "bu gece",
            (0, "noon"): "bu öğlen|bu öğle",
        },
        "weekday": {
            0: "pazartesi|pazartesiye|pazartesi günü|pazartesi gününe", 1: "salı|salıya|salı günü|salı gününe",
            2: "çarşamba|çarşambaya|çarşamba günü|çarşamba gününe",
            3: "perşembe|perşembeye|perşembe günü|perşembe gününe", 4: "cuma|cumaya|cuma günü|cuma gününe",
            5: "cumartesi|cumartesiye|cumartesi günü|cumartesi gününe", 6: "pazar|pazara|pazar günü|pazar gününe",
        },
        "month": {
            1: "ocak|ocakta", 2: "şubat|şubatta", 3: "mart|martta", 4: "nisan|nisanda", 5: "mayıs|mayısta",
            6: "haziran|haziranda", 7: "temmuz|temmuzda", 8: "ağustos|ağustosta", 9: "eylül|eylülde", 10: "ekim|ekimde",
            11: "kasım|kasımda", 12: "aralık|aralıkta",
        },
        "unit": {
            "s": "saniye|sn", "m": "dakika|dk|dakikalık", "h": "saat|saatlik", "d": "gün|günlük", "w": "hafta|haftalık",
            "M": "ay|aylık", "y": "yıl|sene|yıllık",
        },
        "after": "sonra|sonraya|sonrasına",
        "ago": "önce",
        "day_from": {0: "bugünden", 1: "yarından"},
        "weekday_from": {
            0: "pazartesiden|pazartesi gününden", 1: "salıdan|salı gününden", 2: "çarşambadan|çarşamba gününden",
            3: "perşembeden|perşembe gününden", 4: "cumadan|cuma gününden", 5: "cumartesiden|cumartesi gününden",
            6: "pazardan|pazar gününden",
        },
        "week_before": {7: "haftaya"},
        "this": "bu",
        "coming": "önümüzdeki",
        "next": "gelecek|bir sonraki|sonraki",
        "last": "geçen",
        "week": {0: "bu hafta", 1: "gelecek hafta|haftaya|önümüzdeki hafta"},
        "part": {
            "morning": "sabah|sabahleyin|sabahı|öğleden önce", "noon": "öğlen|öğle|öğleyin|öğle vakti",
            "afternoon": "öğleden sonra|öğleden sonraya", "evening": "akşam|akşama|akşamı|akşamleyin|akşamüstü",
            "night": "gece|geceleyin|gecesi",
        },
        "midday": "öğlen|öğle|öğleyin|öğle vakti|bu öğlen|bu öğle",
        "exact": {0: "gece yarısı"},
        "past": "geçe|geçiyor",
        "to": "var|kala",
        "at": "saat|saati|saatte|saat tam",
        "hour": {
            1: "biri|bire|birde", 2: "ikiyi|ikiye|ikide", 3: "üçü|üçe|üçte", 4: "dördü|dörde|dörtte", 5: "beşi|beşe|beşte",
            6: "altıyı|altıya|altıda", 7: "yediyi|yediye|yedide", 8: "sekizi|sekize|sekizde", 9: "dokuzu|dokuza|dokuzda",
            10: "onu|ona|onda", 11: "on biri|on bire|on birde", 12: "on ikiyi|on ikiye|on ikide",
        },
        "suffix": "te|ta|de|da|e|a|i|u|ye|ya|yi|yu|si|su|sı|nde|ünde|inde|sinde|sında|unda|lik|lık|luk|nda|ten|tan|den|dan",
        "ordinal": "nci|inci|ncı|ıncı|uncu|üncü|ncu",
        "fill": (
            "lütfen|için|kişi|kişilik|kişiyiz|kişiye|tane|adet|istiyorum|isterim|alayım|alalım|olsun|rica|ediyorum|rezervasyon|"
            "masa|günü|tarihinde|tarihi|de|da|te|ta|ben|biz|bana|bize|merhaba|selam|teşekkürler|sadece|tam|diyelim|olur|"
            "evet|tamam|yapalım|uygun|bir de|biz toplam|toplam|gibi"
        ),
        "people": "kişi|kişilik|kişiyiz|kişiye|masa|tane|adet",
        "or": "veya|ya da|yahut",
        "unsure": (
            "değil|hayır|kadar|hariç|dışında|belki|en az|en çok|en fazla|az|fazla|itibaren|arası|arasında|her|ya|yok|ama|"
            "hiç|eksi|olmaz|olamaz|gelemem|gelemeyiz|geç|erken|müsait|uygun değil|öncesi|sonrası|herhangi|civarı"
        ),
        "currency": {
            "EUR": "euro|avro", "TRY": "lira|liraya|tl|türk lirası", "GBP": "sterlin", "USD CAD AUD": "dolar|dolara",
            "USD": "amerikan doları",
        },
        "yes": (
            "evet|tamam|olur|tabii|tabi|tabii ki|elbette|peki|aynen|doğru|kesinlikle|onaylıyorum|tabii olur|evet lütfen|"
            "he|hı hı|uygun|uygundur|tamamdır|olsun"
        ),
        "no": "hayır|yok|olmaz|istemiyorum|istemem|hayır teşekkürler|kesinlikle hayır|değil|yanlış|onaylamıyorum",
        "polite": "lütfen|teşekkürler|teşekkür ederim|sağ olun|sağol|rica ederim|efendim|çok|ederim|canım|hocam",
        "none": "hiçbiri|hiç biri|hiç",
        "all": "hepsi|tümü|tamamı|her ikisi|ikisi de",
        "lead": "benim adım|adım|ismim|benim ismim|ben",
    },
    months=tuple("Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık".split()),
    weekdays=tuple("Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi Pazar".split()),
    day_form="{day} {month} {weekday}",
    year_form="{day} {month} {year} {weekday}",
    compounds=True,
    tens_join=True,
)  # fmt: skip
