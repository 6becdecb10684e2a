"""Declines as capable models word them, and answers that are none, of which many are about what is not so."""

from __future__ import annotations

import pytest

from metier.answering.refusal_messages import declines, refusal
from metier.text.language import all_languages, codes

DECLINES = """
The documents do not mention the price of the pump.
The provided documents don't contain any information about the warranty.
I couldn't find any information about the delivery time in the documents.
There is no mention of a deadline in the provided context.
The price of part QX-13 is not specified in the sources.
Based on the provided documents, it cannot be determined who signed the contract.
I'm sorry, but the context doesn't say anything about that.
Unfortunately, the sources do not provide details on the salary.
I don't know.
The information is not provided in the text.
The manual does not specify a torque for the NV-90, but it gives 840 Nm for the NV-110.
I was unable to find the phone number in the documents.
No information about the opening hours is available.
The documents you provided say nothing about parking.
The text does not state when the contract ends.
Sorry. The documents do not cover this topic.
The sources are silent on this point.
I cannot answer this question based on the given information.
None of the documents mentions Boeing.
There isn't enough information in the documents to say.
**The documents do not say** how long it takes.
It is not stated in the documents.
Nothing in the documents refers to a bonus.
The provided passages neither mention nor describe such a procedure.
The contract does not mention a penalty.
I do not have any information on this.
The documents do not give the exact date. However, they say that the fair takes place in May.
Die Dokumente enthalten keine Angaben zum Preis.
In den vorliegenden Dokumenten wird die Garantie nicht erwähnt.
Dazu habe ich in den Unterlagen nichts gefunden.
Leider geht aus den Quellen nicht hervor, wer unterschrieben hat.
Das Handbuch nennt kein Anzugsmoment für die NV-90.
Ich konnte keine Informationen zu den Öffnungszeiten finden.
Die bereitgestellten Informationen reichen nicht aus, um die Frage zu beantworten.
Es tut mir leid, aber der Text sagt nichts darüber.
Der Liefertermin ist in den Dokumenten nicht angegeben.
Die Dokumente sagen dazu nichts.
Ich weiß es nicht.
Los documentos no mencionan el precio de la bomba.
No se especifica en los documentos quién firmó el contrato.
No encontré información sobre la garantía.
Lo siento, pero el contexto no proporciona esa información.
No hay información sobre el horario en los textos.
La fecha no se indica en el documento.
No puedo responder a esta pregunta con la información disponible.
Les documents ne mentionnent pas le prix.
Le texte ne précise pas la durée de la garantie.
Je n'ai trouvé aucune information à ce sujet.
Aucune information sur les horaires n'est fournie dans les documents.
Désolé, les sources ne contiennent pas cette information.
Il n'y a pas d'information sur ce point dans le contexte.
La date n'est pas indiquée dans les documents.
নথিগুলিতে দামের কোনো উল্লেখ নেই।
প্রদত্ত তথ্যে এর উত্তর পাওয়া যায়নি।
এই বিষয়ে নথিতে কোনো তথ্য নেই।
দুঃখিত, নথিতে এ বিষয়ে কিছু বলা নেই।
আমি জানি না।
文档中没有提到价格。
根据提供的信息，无法确定谁签了合同。
抱歉，文中未说明保修期。
资料中没有相关信息。
我不知道。
В документах не указана цена.
К сожалению, в тексте нет информации о гарантии.
Я не нашёл информации о часах работы.
Os documentos não mencionam o preço.
Não encontrei informações sobre a garantia.
दस्तावेज़ों में कीमत का उल्लेख नहीं है।
दिए गए पाठ में इसकी जानकारी नहीं दी गई है।
لا تذكر الوثائق السعر.
لم أجد معلومات عن الضمان في المستندات.
Dokumen tidak menyebutkan harganya.
文書には価格について記載されていません。
提供された情報からは判断できません。
Nyaraka hazitaji bei.
The sources provided do not contain information on overtime, so I cannot answer.
There is no specific information in the documents regarding lunch breaks.
The document does not explicitly state the date of delivery.
It is not possible to determine from the provided documents who won.
As per the given documents, there is no information on the CEO.
I'm sorry, I can't answer that as the documents don't mention it.
According to the documents, the reason is not given.
The given text doesn't have any details about the design.
The answer is not found in the documents.
The question cannot be answered with the given sources.
None of the provided documents contain the phone number.
Regarding the salary, the documents provide no details.
This information is not available in the documents.
Not mentioned.
No information.
The specific number of employees is not mentioned in the provided context.
The documents do not directly address whether smoking is allowed.
The documents make no reference to a second supplier.
I could not locate any mention of a bonus in the files provided.
Based on the information provided, I cannot determine the exact cost.
The exact amount isn't given in these excerpts.
Unfortunately the manual doesn't say how long it lasts.
The provided context does not have enough information to answer the question.
There's no information about that in the documents I have.
The documents don't appear to mention a dress code.
Die Dokumente geben darüber keine Auskunft.
Aus den vorliegenden Unterlagen lässt sich das nicht beantworten.
Zu dieser Frage gibt es keine Informationen in den Dokumenten.
Das wird in den Dokumenten nicht genannt.
Die Quellen machen hierzu keine Angaben.
In den Dokumenten finde ich keine Angabe zum Gewicht.
Die genaue Höhe wird nicht angegeben.
Los documentos proporcionados no contienen esa información.
En los documentos no se menciona ningún límite.
No dispongo de información suficiente para responder.
Les documents fournis ne donnent aucune indication sur le prix.
Cette information ne figure pas dans les documents.
Je ne dispose pas d'informations à ce sujet.
Je suis désolé, mais je ne trouve pas cette information dans les sources.
নথিতে এই তথ্য দেওয়া নেই।
প্রদত্ত নথিগুলিতে এই প্রশ্নের উত্তর নেই।
নথিগুলো থেকে এটি জানা যায় না।
दस्तावेज़ों में इस बारे में कोई जानकारी नहीं है।
इस प्रश्न का उत्तर दस्तावेज़ों में नहीं मिला।
提供的文档中没有关于此的信息。
文档没有说明具体日期。
从给定的资料中无法得知。
В предоставленных документах нет информации об этом.
Документы не содержат сведений о зарплате.
Os documentos fornecidos não contêm essa informação.
لا توجد معلومات عن ذلك في الوثائق.
Tidak ada informasi tentang hal itu dalam dokumen.
文書にはその情報がありません。
Hakuna taarifa kuhusu hilo katika nyaraka.
There is no MOT date for a van 6 in the sources.
Dariusz's mobile number isn't in the sources.
I can't recommend one, as the sources name no mortgage broker.
The sources name no mortgage broker.
The sources list no phone number for him.
The documents record no reason for the choice.
The excerpts show no price for that.
His number is not in the documents.
The opening times of the tip are not in the sources.
There are no figures for 2019 in the documents.
There is no price for a third key anywhere in the sources.
The letter does not give the serial number of the piano.
The humidity log has no reading for Sunday 15 November.
The price list gives no price for harpsichords.
The staff list does not show a salary for her.
The terms do not say anything about pets.
There is no entry for that day in the register.
La lettre ne donne pas le numéro de série de ce piano.
Le devis ne contient pas de prix pour le transport.
Der Brief gibt die Seriennummer nicht an.
Die Preisliste enthält keinen Preis für ein Cembalo.
La carta no da el número de serie.
El registro de humedad no contiene ninguna lectura de ese día.
No MOT date for van 6 is in the sources.
That isn't something the documents cover.
The sources I have don't include a van 6.
The sources state no excess for goods in the van.
The documents mention no such discount.
I can't recommend a broker because none is named in the documents.
I can't say, since the documents give no date.
I cannot give you that number; it is not in the documents.
Der Preis steht nicht in den Unterlagen.
In den Unterlagen steht kein Preis für einen dritten Schlüssel.
Die Quellen nennen keinen Makler.
Die Unterlagen nennen keine Handynummer von Dariusz.
Es gibt in den Quellen kein TÜV-Datum für Wagen 6.
Ich kann niemanden empfehlen, da die Quellen keinen Makler nennen.
El número de móvil no está en las fuentes.
En las fuentes no hay ningún precio para una tercera llave.
Los documentos no nombran a ningún corredor.
Las fuentes no dan ningún precio.
Le numéro de portable n'est pas dans les sources.
Les sources ne nomment aucun courtier.
Il n'y a pas de prix pour une troisième clé dans les sources.
Les documents n'indiquent aucun prix.
দারিয়ুসের মোবাইল নম্বর নথিতে নেই।
নথিতে তৃতীয় চাবির কোনো দাম দেওয়া নেই।
সূত্রগুলিতে কোনো দালালের নাম নেই।
दस्तावेज़ों में उसका मोबाइल नंबर नहीं है।
दस्तावेज़ों में तीसरी चाबी की कोई कीमत नहीं दी गई है।
स्रोतों में किसी दलाल का नाम नहीं है।
文件中没有他的手机号码。
资料里没有第三把钥匙的价格。
来源没有提到任何经纪人。
В документах нет его номера телефона.
Источники не называют ни одного брокера.
Os documentos não indicam nenhum preço.
O número de telemóvel não está nos documentos.
رقم هاتفه ليس في المستندات.
لا تذكر المصادر أي وسيط.
Nomor ponselnya tidak ada dalam dokumen.
Dokumen tidak menyebut harga apa pun.
文書に彼の電話番号はありません。
資料には仲介業者の名前がありません。
None of the excerpts gives a price for it.
The material provided has no date for this.
A date for this is nowhere to be found in the documents.
I found nothing about annual leave in the sources.
That is not covered by the documents.
Van 6 does not appear in the maintenance list.
The price list has no entry for a third key.
There's nothing in the documents on that.
The excess for vans isn't given.
Your documents don't tell me who the broker is.
I don't see any mobile number for Dariusz in these sources.
The sources don't name a mortgage broker.
No mortgage broker is named in the sources.
No price for a third key is given in the sources.
The documents have nothing on opening hours of the tip.
How long the annual leave is, the sources do not say.
From the sources I cannot tell when the MOT of van 6 is due.
The documents give no mobile number for Dariusz, only his e-mail address.
I have no source that gives a price for that.
Eine Handynummer von Dariusz findet sich in den Quellen nicht.
Zu Wagen 6 steht in den Unterlagen kein TÜV-Termin.
Aus den Quellen geht kein Preis für einen dritten Schlüssel hervor.
Die Quellen enthalten keine Handynummer.
Ein Makler wird nicht genannt.
Dazu enthalten die Quellen keine Angabe.
No figura ningún número de móvil en los documentos.
Las fuentes no indican la fecha.
Aucun courtier n'est mentionné dans les sources.
Les sources ne donnent pas de numéro de portable.
資料からは分かりません。
资料中未列出该价格。
来源中没有关于第三把钥匙的价格信息。
""".strip().splitlines()

ANSWERS = """
The oil does not contain zinc.
No, the oil does not contain zinc.
The pump does not include a filter.
The contract runs for five years and does not include spare parts.
No customer data may be given over the phone.
Do not open the valve before the pressure is zero.
The torque is 840 Nm.
The NV-110 takes 500 litres; the documents do not mention the NV-90.
If the contract does not specify a date, the notice period is three months.
No. Brake cleaner must not be used on the disc.
The technician was unable to find the leak and replaced the seal.
The age cannot be determined by X-ray.
There is no evidence that aspirin helps.
The material does not contain asbestos.
The warranty does not cover wear.
The price does not include VAT.
Visitors are not allowed in the tower.
It is not possible to start the turbine while the door is open.
The device does not have a data port.
The report contains no evidence of fraud.
The extract does not contain alcohol.
Nobody was hurt.
The study found no difference between the groups.
Anna did not answer the phone, so Peter went there.
There is no lift in the NV-90.
Employees do not have to give a reason for leave.
The alarm cannot be reset from the control room.
Price and date stand in the order, but the letter does not mention a discount.
When the label does not state a date, discard the milk.
Yes.
The document number is 4711.
Keep the source documents for ten years.
Das Öl enthält kein Zink.
Nein, die Pumpe enthält keinen Filter.
Der Preis enthält keine Mehrwertsteuer.
Das Ventil darf nicht geöffnet werden.
Die Garantie deckt keinen Verschleiß ab.
Das Anzugsmoment beträgt 840 Nm.
Wenn der Vertrag kein Datum nennt, gilt eine Frist von drei Monaten.
Der Techniker konnte das Leck nicht finden.
Niemand wurde verletzt.
Die Unterlagen sind zehn Jahre aufzubewahren.
El aceite no contiene zinc.
El precio no incluye el IVA.
No se debe abrir la válvula.
La garantía no cubre el desgaste.
No, nadie resultó herido.
El par de apriete es de 840 Nm.
L'huile ne contient pas de zinc.
Le prix ne comprend pas la TVA.
Il ne faut pas ouvrir la vanne.
La garantie ne couvre pas l'usure.
Non, personne n'a été blessé.
তেলে জিঙ্ক নেই।
না, ভালভ খোলা যাবে না।
দাম ৪০ ইউরো।
কেউ আহত হয়নি।
ওয়ারেন্টিতে ক্ষয় অন্তর্ভুক্ত নয়।
机油不含锌。
价格不包括增值税。
不能打开阀门。
没有人受伤。
保修不包括磨损。
Масло не содержит цинка.
Цена не включает НДС.
O óleo não contém zinco.
O preço não inclui impostos.
तेल में जस्ता नहीं है।
वाल्व न खोलें।
لا يحتوي الزيت على الزنك.
Oli tidak mengandung seng.
オイルには亜鉛が含まれていません。
バルブを開けてはいけません。
Mafuta hayana zinki.
The documents must be signed before the work starts.
No documents are needed.
The contract does not end before 2027.
The policy does not allow smoking in the building.
The handbook does not apply to contractors.
The document lists three steps: stop, lock and tag.
The context of the alarm is the pitch system.
According to the manual, the filter is not reusable.
The report says that nothing was found.
The files are kept for ten years and not shared.
He did not give a reason.
The contract does not give the tenant the right to sublet.
The contract has no end date.
The list has no gaps.
The report shows no increase in 2024.
The schedule has no visits on Sundays.
The quote does not include transport.
Le contrat ne donne pas le droit de sous-louer.
Die Liste enthält keine Lücken.
El contrato no incluye el transporte.
The records do not have to be printed.
Not more than 30 bar.
It is not known to the public, but the code is 4711.
The table shows no values above 30.
There is no limit.
No, none of the employees was hurt.
The text on the label is not red but black.
I would tighten it to 840 Nm.
The invoice does not include shipping.
Das Handbuch gilt nicht für Fremdfirmen.
Der Vertrag endet nicht vor 2027.
Es gibt keine Grenze.
Die Datei wird nicht gelöscht.
In der Werkstatt darf nicht geraucht werden.
El contrato no termina antes de 2027.
No hay límite.
Los documentos deben firmarse.
Le contrat ne prend pas fin avant 2027.
Il n'y a pas de limite.
চুক্তি ২০২৭ সালের আগে শেষ হয় না।
কোনো সীমা নেই।
没有限制。
合同不会在2027年之前结束。
Договор не заканчивается до 2027 года.
Não há limite.
कोई सीमा नहीं है।
لا يوجد حد.
Tidak ada batas.
制限はありません。
There is no fee in the first hour.
There is no gate in block B.
There are no stairs in the yard, so the lift is needed.
No, e-bikes are not allowed in the units.
The sources of the leak are not in block B.
The key is not in the office but in the access book.
The handbook names no other person than Gareth for this.
The report lists no faults.
Documents are not kept in the unit.
There is no limit in the contract for glass.
The list shows no open items.
The minutes record no objections.
In den Verträgen steht keine Kündigungsfrist, sie läuft von selbst aus.
No hay gastos en la primera hora.
Le contrat ne prévoit aucun frais la première heure.
চুক্তিতে প্রথম ঘণ্টার কোনো খরচ নেই।
В блоке Б нет ворот.
仓库里没有电梯。
""".strip().splitlines()


@pytest.mark.parametrize("text", DECLINES)
def test_a_decline_is_recognised(text):
    assert declines(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_no_decline(text):
    assert not declines(text)


@pytest.mark.parametrize("code", codes())
def test_what_metier_says_itself_is_a_decline_in_every_language(code):
    assert declines(refusal(code))
    assert refusal(f"{code}-XX") == refusal(code)


def test_a_decline_with_something_helpful_added_is_one():
    assert declines(
        "The documents do not give a torque for the NV-90. The manual of the NV-110 gives 840 Nm, which may help."
    )
    assert declines("I'm sorry. Unfortunately, the sources say nothing about that. They do describe the lockout.")


def test_an_answer_that_ends_with_what_is_missing_is_none():
    assert not declines("The gearbox takes 500 litres of Polaros 320. The documents do not mention the pump.")
    assert not declines("- Close the valve.\n- Wait ten minutes.\n\nThe documents do not say who does it.")


def test_nothing_written_is_a_decline():
    assert declines("")
    assert declines(" \n")


def test_refusals_follow_the_language_and_what_is_set():
    assert refusal("xx") == refusal("en") == "The documents do not say."
    assert refusal("de", "Weiß nicht.") == "Weiß nicht."
    assert len({language.refusal for language in all_languages()}) == len(codes())
