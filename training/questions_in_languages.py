"""Questions about one attribute of one thing in ten languages, for tables and sentences in English: the answer to a
question stands at times in another language than its own."""

from __future__ import annotations

import random

_SHAPES = {
    "de": ("Was ist {a} von {t}?", "Wie lautet {a} von {t}?", "{a} {t}", "Nenne mir {a} von {t}."),
    "fr": ("Quel est {a} de {t} ?", "Donnez-moi {a} de {t}.", "{a} {t}"),
    "es": ("¿Cuál es {a} de {t}?", "Dime {a} de {t}.", "{a} {t}"),
    "hi": ("{t} का {a} क्या है?", "{t} का {a} बताइए।", "{t} {a}"),
    "bn": ("{t} এর {a} কত?", "{t} এর {a} কী?", "{t} এর {a} জানাও।", "{t} {a}"),
    "zh": ("{t}的{a}是什么？", "{t}的{a}是多少？", "请告诉我{t}的{a}", "{t} {a}"),
    "id": ("Apa {a} {t}?", "Berapa {a} {t}?", "Sebutkan {a} {t}.", "{a} {t}"),
    "sw": ("{a} ya {t} ni nini?", "Nitajie {a} ya {t}.", "{a} {t}"),
    "ar": ("ما هو {a} {t}؟", "أخبرني عن {a} {t}", "{a} {t}"),
    "ru": ("Какой {a} у {t}?", "Назовите {a} {t}.", "{a} {t}"),
}
_ATTRIBUTES = {
    "price": "der Preis|le prix|el precio|दाम|দাম|价格|harga|bei|سعر|цена",
    "weight": "das Gewicht|le poids|el peso|वज़न|ওজন|重量|berat|uzito|وزن|вес",
    "stock": "der Lagerbestand|le stock|la cantidad en almacén|स्टॉक|মজুদ|库存|stok|akiba|المخزون من|остаток на складе",
    "supplier": "der Lieferant|le fournisseur|el proveedor|आपूर्तिकर्ता|সরবরাহকারী|供应商|pemasok|msambazaji|مورد|поставщик",
    "owner": "der Verantwortliche|le responsable|el responsable|ज़िम्मेदार व्यक्ति|দায়িত্বপ্রাপ্ত ব্যক্তি|负责人|penanggung jawab|msimamizi|المسؤول عن|ответственный",
    "delivery": "die Lieferzeit|le délai de livraison|el plazo de entrega|डिलीवरी का समय|সরবরাহের সময়|交货时间|waktu pengiriman|muda wa kuletwa|مدة تسليم|срок поставки",
    "location": "der Standort|l'emplacement|la ubicación|स्थान|অবস্থান|位置|lokasi|mahali|مكان|местонахождение",
    "pressure": "der maximale Druck|la pression maximale|la presión máxima|अधिकतम दबाव|সর্বোচ্চ চাপ|最大压力|tekanan maksimum|shinikizo la juu|أقصى ضغط|максимальное давление",
    "interval": "das Wartungsintervall|l'intervalle d'entretien|el intervalo de mantenimiento|सर्विस अंतराल|রক্ষণাবেক্ষণের ব্যবধান|维护间隔|interval perawatan|muda wa matengenezo|فترة صيانة|интервал обслуживания",
    "warranty": "die Garantie|la garantie|la garantía|वारंटी|ওয়ারেন্টি|保修期|garansi|dhamana|ضمان|гарантия",
    "power": "die Leistung|la puissance|la potencia|शक्ति|ক্ষমতা|功率|daya|nguvu|قدرة|мощность",
    "temperature": "die Temperatur|la température|la temperatura|तापमान|তাপমাত্রা|温度|suhu|joto|درجة حرارة|температура",
    "date": "die Frist|la date limite|la fecha límite|अंतिम तिथि|শেষ তারিখ|截止日期|tenggat waktu|tarehe ya mwisho|الموعد النهائي|срок",
    "start": "der Beginn|la date de début|la fecha de inicio|शुरू होने की तारीख|শুরুর তারিখ|开始日期|tanggal mulai|tarehe ya kuanza|تاريخ بدء|дата начала",
    "status": "der Stand|l'état|el estado|स्थिति|অবস্থা|状态|status|hali|حالة|состояние",
    "amount": "der Betrag|le montant|el importe|राशि|পরিমাণ|金额|jumlah|kiasi|مبلغ|сумма",
    "size": "die Größe|la taille|el tamaño|आकार|আকার|尺寸|ukuran|ukubwa|حجم|размер",
    "colour": "die Farbe|la couleur|el color|रंग|রঙ|颜色|warna|rangi|لون|цвет",
    "phone": "die Telefonnummer|le numéro de téléphone|el teléfono|फ़ोन नंबर|ফোন নম্বর|电话号码|nomor telepon|namba ya simu|رقم هاتف|номер телефона",
    "capacity": "das Fassungsvermögen|la capacité|la capacidad|क्षमता|ধারণক্ষমতা|容量|kapasitas|uwezo|سعة|вместимость",
    "dose": "die Dosis|la dose|la dosis|खुराक|মাত্রা|剂量|dosis|kipimo|جرعة|доза",
    "customer": "der Kunde|le client|el cliente|ग्राहक|গ্রাহক|客户|pelanggan|mteja|عميل|заказчик",
}  # fmt: skip


def ask(attribute: str, thing: str, rng: random.Random) -> str:
    """The question in a language drawn at random; the thing keeps its name."""
    language = rng.choice(list(_SHAPES))
    words = _ATTRIBUTES[attribute].split("|")[list(_SHAPES).index(language)]
    return rng.choice(_SHAPES[language]).format(a=words, t=thing)
