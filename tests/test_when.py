"""When an event takes place: what people type in ten languages, and what it means."""

from __future__ import annotations

import random
import re
import time
from datetime import datetime, timedelta

import pytest
from babel import Locale
from babel.dates import format_date, format_datetime, format_time

from dialogs.when import LONGEST, Misread, Span, understand_before, understand_befores, understand_moment, understand_span

at = datetime.fromisoformat
NOW = at("2027-03-10 12:00")  # a Wednesday
TEN = ("de", "en", "pl", "fr", "it", "es", "uk", "ru", "ar", "tr")
MORE = ("pt", "fa", "fa_AF", "am", "ckb", "ku", "ps", "so", "sq", "ti", "ur", "nl", "cs", "ro", "en_GB")

# language | typed | begins | ends (? after it: only guessed)
ROWS = r"""
de | 18 März 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
de | 18. März 2027 13-15:15 Uhr | 2027-03-18 13:00 | 2027-03-18 15:15
de | Do, 18.3., 13 Uhr bis 15.15 Uhr | 2027-03-18 13:00 | 2027-03-18 15:15
de | 2027-03-18 13:00–15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
de | 18.03.2027, 13.00 - 15.15 | 2027-03-18 13:00 | 2027-03-18 15:15
de | Donnerstag, den 18. März 2027, von 13:00 bis 15:15 Uhr | 2027-03-18 13:00 | 2027-03-18 15:15
de | am Donnerstag, dem 18.03.2027 von 13 bis 15.15 Uhr | 2027-03-18 13:00 | 2027-03-18 15:15
de | 18.03.27 13:00 - 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
de | 18.3. 13-15 | 2027-03-18 13:00 | 2027-03-18 15:00
de | 18.3 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
de | 18. 3. 2027 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
de | Do 18.03 13-15 | 2027-03-18 13:00 | 2027-03-18 15:00
de | Do 18.10-19.40 | 2027-03-11 18:10 | 2027-03-11 19:40
de | morgen 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
de | morgen um 10 | 2027-03-11 10:00 | 2027-03-11 12:00?
de | heute Abend 19 Uhr | 2027-03-10 19:00 | 2027-03-10 21:00?
de | übermorgen 9 bis 17 Uhr | 2027-03-12 09:00 | 2027-03-12 17:00
de | morgen, Donnerstag, 10-12 Uhr | 2027-03-11 10:00 | 2027-03-11 12:00
de | Donnerstag 13:00-15:15 | 2027-03-11 13:00 | 2027-03-11 15:15
de | Mittwoch 13-15 Uhr | 2027-03-17 13:00 | 2027-03-17 15:00
de | kommenden Freitag 13 Uhr | 2027-03-12 13:00 | 2027-03-12 15:00?
de | 18.-19. März 9-17 Uhr | 2027-03-18 09:00 | 2027-03-19 17:00
de | 18.-19.3.2027, 9-17 Uhr | 2027-03-18 09:00 | 2027-03-19 17:00
de | 18./19. März 2027, 9 bis 17 Uhr | 2027-03-18 09:00 | 2027-03-19 17:00
de | 18.03. - 19.03.2027 9.00-17.00 | 2027-03-18 09:00 | 2027-03-19 17:00
de | vom 18. bis 19. März von 9 bis 17 Uhr | 2027-03-18 09:00 | 2027-03-19 17:00
de | 30.12.-2.1.2028 10-12 Uhr | 2027-12-30 10:00 | 2028-01-02 12:00
de | 18.3. 9 Uhr - 19.3. 17 Uhr | 2027-03-18 09:00 | 2027-03-19 17:00
de | Mo-Fr 9-17 Uhr | 2027-03-15 09:00 | 2027-03-19 17:00
de | 13-15 Uhr, 18. März | 2027-03-18 13:00 | 2027-03-18 15:00
de | 13.00-15.15 Uhr am 18.3. | 2027-03-18 13:00 | 2027-03-18 15:15
de | 13:00-15:15 Uhr, Do, 18.3. | 2027-03-18 13:00 | 2027-03-18 15:15
de | 18. März, 7 bis 9 Uhr abends | 2027-03-18 19:00 | 2027-03-18 21:00
de | 18. März 22-1 Uhr | 2027-03-18 22:00 | 2027-03-19 01:00
de | 18. März 20-24 Uhr | 2027-03-18 20:00 | 2027-03-19 00:00
de | 18. Maerz zwischen 13 und 15 Uhr | 2027-03-18 13:00 | 2027-03-18 15:00
de | 18. März – 13:00–15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
de | 1. Jänner 10-12 Uhr | 2028-01-01 10:00 | 2028-01-01 12:00
de | DO 18. MÄRZ 13 UHR 15 BIS 15 UHR 30 | 2027-03-18 13:15 | 2027-03-18 15:30
de | 29. Februar 10-12 Uhr | 2028-02-29 10:00 | 2028-02-29 12:00
de | 03/04/2027 13-15 Uhr | 2027-04-03 13:00 | 2027-04-03 15:00
de | 10. März 13-15 Uhr | 2027-03-10 13:00 | 2027-03-10 15:00
de | 10. März 11-15 Uhr | 2028-03-10 11:00 | 2028-03-10 15:00
de | 18. März 24 Uhr | 2027-03-19 00:00 | 2027-03-19 02:00?
de | Sonnabend 10-12 Uhr | 2027-03-13 10:00 | 2027-03-13 12:00
de | Fr 19.3. 18:00 - So 21.3. 14:00 | 2027-03-19 18:00 | 2027-03-21 14:00
de | um 7 Uhr am Donnerstag Abend | 2027-03-11 19:00 | 2027-03-11 21:00?
de | 31.12. 20 Uhr - 1.1. 2 Uhr | 2027-12-31 20:00 | 2028-01-01 02:00
de | 18.März 13:00Uhr-15:15Uhr | 2027-03-18 13:00 | 2027-03-18 15:15
en | 18 March 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
en | 18 March 13:00 | 2027-03-18 13:00 | 2027-03-18 15:00?
en | March 18th 1pm-3:15pm | 2027-03-18 13:00 | 2027-03-18 15:15
en | March 18, 2027 1 pm to 3:15 pm | 2027-03-18 13:00 | 2027-03-18 15:15
en | Thursday, March 18, 2027, from 1 p.m. until 3:15 p.m. | 2027-03-18 13:00 | 2027-03-18 15:15
en | Thu 18 Mar 13:00 – 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
en | the 18th of March 2027 at 1pm | 2027-03-18 13:00 | 2027-03-18 15:00?
en | 18-Mar-2027 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
en | 18/03/2027 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
en | 3/18/2027 1-3:15pm | 2027-03-18 13:00 | 2027-03-18 15:15
en | Saturday 03/04/2027 13:00-15:15 | 2027-04-03 13:00 | 2027-04-03 15:15
en | 03/03/2028 13:00-15:15 | 2028-03-03 13:00 | 2028-03-03 15:15
en | 2027-03-18T13:00 - 2027-03-18T15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
en | tomorrow 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
en | the day after tomorrow, noon to 2pm | 2027-03-12 12:00 | 2027-03-12 14:00
en | today 1pm-3pm | 2027-03-10 13:00 | 2027-03-10 15:00
en | tonight at 7 | 2027-03-10 19:00 | 2027-03-10 21:00?
en | tomorrow afternoon from 2 to 4 | 2027-03-11 14:00 | 2027-03-11 16:00
en | tomorrow at 10 o'clock | 2027-03-11 10:00 | 2027-03-11 12:00?
en | Thursday 13:00-15:15 | 2027-03-11 13:00 | 2027-03-11 15:15
en | this Thursday 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
en | next Wednesday 10-12 | 2027-03-17 10:00 | 2027-03-17 12:00
en | 18 March 9:00 - 19 March 17:00 | 2027-03-18 09:00 | 2027-03-19 17:00
en | 18 March 9 - 19 March 17 | 2027-03-18 09:00 | 2027-03-19 17:00
en | March 18-19, 2027, 9:00-17:00 | 2027-03-18 09:00 | 2027-03-19 17:00
en | 18 and 19 March, 9am-5pm | 2027-03-18 09:00 | 2027-03-19 17:00
en | from 18 to 19 March 9am to 5pm | 2027-03-18 09:00 | 2027-03-19 17:00
en | Thu 18 March - Sat 20 March 9:00-17:00 | 2027-03-18 09:00 | 2027-03-20 17:00
en | 18 March 22:00-01:00 | 2027-03-18 22:00 | 2027-03-19 01:00
en | 18 March 10pm-1am | 2027-03-18 22:00 | 2027-03-19 01:00
en | 18 March 10pm to midnight | 2027-03-18 22:00 | 2027-03-19 00:00
en | 18 March 11-1pm | 2027-03-18 11:00 | 2027-03-18 13:00
en | 18 March 1pm-3 | 2027-03-18 13:00 | 2027-03-18 15:00
en | 18 March 9-5 | 2027-03-18 09:00 | 2027-03-18 17:00
en | 10-12 on 18 March | 2027-03-18 10:00 | 2027-03-18 12:00
en | 1pm to 3pm on Thursday the 18th of March | 2027-03-18 13:00 | 2027-03-18 15:00
en | 18 March 12 noon - 1 pm | 2027-03-18 12:00 | 2027-03-18 13:00
en | 18 March 12am-1am | 2027-03-18 00:00 | 2027-03-18 01:00
en | 📅 18 March 🕐 13:00 − 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
en | １８ March １３：００－１５：１５ | 2027-03-18 13:00 | 2027-03-18 15:15
en | Thursday 18 March 2027, 13:00-15:15. | 2027-03-18 13:00 | 2027-03-18 15:15
en | 18 March\n13:00—15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
en | 1 March 10:00-12:00 | 2028-03-01 10:00 | 2028-03-01 12:00
en | January 2nd 10am-noon | 2028-01-02 10:00 | 2028-01-02 12:00
en | June 23rd 10am & June 24th 5pm | -
pl | 18 marca 2027 od 13:00 do 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
pl | czwartek 18 marca 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
pl | w czwartek, 18 marca 2027 r., godz. 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
pl | 18 marca 2027 roku o godzinie 13 | 2027-03-18 13:00 | 2027-03-18 15:00?
pl | czw. 18.03.2027 od godz. 13 do godz. 15.15 | 2027-03-18 13:00 | 2027-03-18 15:15
pl | 18 III 2027, 13⁰⁰-15¹⁵ | 2027-03-18 13:00 | 2027-03-18 15:15
pl | 18 III 13-15 | 2027-03-18 13:00 | 2027-03-18 15:00
pl | 18.03 g. 13.00-15.15 | 2027-03-18 13:00 | 2027-03-18 15:15
pl | jutro 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
pl | jutro o 10 | 2027-03-11 10:00 | 2027-03-11 12:00?
pl | pojutrze od 9 do 17 | 2027-03-12 09:00 | 2027-03-12 17:00
pl | dziś o 18:30 | 2027-03-10 18:30 | 2027-03-10 20:30?
pl | w sobotę 10-12 | 2027-03-13 10:00 | 2027-03-13 12:00
pl | w niedziele od 10 do 12 | 2027-03-14 10:00 | 2027-03-14 12:00
pl | we wtorek o 17.30 | 2027-03-16 17:30 | 2027-03-16 19:30?
pl | śr. 13-15 | 2027-03-17 13:00 | 2027-03-17 15:00
pl | 18-19 marca 9-17 | 2027-03-18 09:00 | 2027-03-19 17:00
pl | od 18 do 19 marca od 9 do 17 | 2027-03-18 09:00 | 2027-03-19 17:00
pl | 18 i 19 marca, 9-17 | 2027-03-18 09:00 | 2027-03-19 17:00
pl | 18 marca między 13 a 15 | 2027-03-18 13:00 | 2027-03-18 15:00
pl | 18 marca od 7 do 9 wieczorem | 2027-03-18 19:00 | 2027-03-18 21:00
pl | 5 PAŹDZIERNIKA 10-12 | 2027-10-05 10:00 | 2027-10-05 12:00
pl | 5 wrzesnia 10-12 | 2027-09-05 10:00 | 2027-09-05 12:00
pl | od poniedziałku do piątku 9-17 | 2027-03-15 09:00 | 2027-03-19 17:00
pl | 18 marca o 17-tej | 2027-03-18 17:00 | 2027-03-18 19:00?
pl | od 18.03 godz. 9:00 do 19.03 godz. 17:00 | 2027-03-18 09:00 | 2027-03-19 17:00
fr | 18 mars de 13h à 15h15 | 2027-03-18 13:00 | 2027-03-18 15:15
fr | le jeudi 18 mars 2027 de 13 h 00 à 15 h 15 | 2027-03-18 13:00 | 2027-03-18 15:15
fr | jeu. 18/03 13h-15h15 | 2027-03-18 13:00 | 2027-03-18 15:15
fr | mar. 16 mars 13h00-15h15 | 2027-03-16 13:00 | 2027-03-16 15:15
fr | de 13 h 15 à 15 h 30 le 18 mars | 2027-03-18 13:15 | 2027-03-18 15:30
fr | 18/03/2027 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
fr | 1er avril 10h-12h | 2027-04-01 10:00 | 2027-04-01 12:00
fr | le 1er avril à 10h | 2027-04-01 10:00 | 2027-04-01 12:00?
fr | demain 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
fr | demain à 10 heures | 2027-03-11 10:00 | 2027-03-11 12:00?
fr | après-demain de 9h à 17h | 2027-03-12 09:00 | 2027-03-12 17:00
fr | aujourd'hui à 18h30 | 2027-03-10 18:30 | 2027-03-10 20:30?
fr | Aujourd’hui de 14h jusqu’à 16h | 2027-03-10 14:00 | 2027-03-10 16:00
fr | ce soir 19h | 2027-03-10 19:00 | 2027-03-10 21:00?
fr | jeudi de 13h à 15h | 2027-03-11 13:00 | 2027-03-11 15:00
fr | du 18 au 19 mars de 9h à 17h | 2027-03-18 09:00 | 2027-03-19 17:00
fr | 18-19 mars 9h-17h | 2027-03-18 09:00 | 2027-03-19 17:00
fr | 18 mars 9h au 19 mars 17h | 2027-03-18 09:00 | 2027-03-19 17:00
fr | 18 mars de midi à 14h | 2027-03-18 12:00 | 2027-03-18 14:00
fr | 18 mars de 20h à minuit | 2027-03-18 20:00 | 2027-03-19 00:00
fr | 18 mars entre 13h et 15h | 2027-03-18 13:00 | 2027-03-18 15:00
fr | 18 aout 2h de l'après-midi | 2027-08-18 14:00 | 2027-08-18 16:00?
fr | 5 février 2028 10h à 12h | 2028-02-05 10:00 | 2028-02-05 12:00
fr | jeudi de 14 à 16 heures | 2027-03-11 14:00 | 2027-03-11 16:00
fr | vendredi 9 à 14h | -
fr | 18 mars de 2027 de 13 à 15h | 2027-03-18 13:00 | 2027-03-18 15:00
it | 18 marzo 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
it | 18 marzo dalle 13 alle 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
it | giovedì 18 marzo 2027, ore 13.00-15.15 | 2027-03-18 13:00 | 2027-03-18 15:15
it | gio 18/3 dalle ore 13 alle ore 15 | 2027-03-18 13:00 | 2027-03-18 15:00
it | mar 16 mar dalle 10 alle 12 | 2027-03-16 10:00 | 2027-03-16 12:00
it | giovedi 18 marzo alle 13 | 2027-03-18 13:00 | 2027-03-18 15:00?
it | il 18.03.2027 dalle 13:00 alle 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
it | domani 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
it | domani alle 10 | 2027-03-11 10:00 | 2027-03-11 12:00?
it | dopodomani dalle 9 alle 17 | 2027-03-12 09:00 | 2027-03-12 17:00
it | oggi alle 18:30 | 2027-03-10 18:30 | 2027-03-10 20:30?
it | stasera alle 8 | 2027-03-10 20:00 | 2027-03-10 22:00?
it | sabato dalle 10 alle 12 | 2027-03-13 10:00 | 2027-03-13 12:00
it | mar 10-12 | 2027-03-16 10:00 | 2027-03-16 12:00
it | dal 18 al 19 marzo dalle 9 alle 17 | 2027-03-18 09:00 | 2027-03-19 17:00
it | 18-19 marzo 9-17 | 2027-03-18 09:00 | 2027-03-19 17:00
it | 1º aprile 10-12 | 2027-04-01 10:00 | 2027-04-01 12:00
it | 18 marzo tra le 13 e le 15 | 2027-03-18 13:00 | 2027-03-18 15:00
it | 18 marzo dalle 3 alle 5 del pomeriggio | 2027-03-18 15:00 | 2027-03-18 17:00
it | l'8 maggio dall'1 alle 3 di notte | 2027-05-08 01:00 | 2027-05-08 03:00
it | giov. 18 marzo h. 13-15 | 2027-03-18 13:00 | 2027-03-18 15:00
it | venerdì 9 alle 14 | -
it | venerdì dalle 9 alle 14 | 2027-03-12 09:00 | 2027-03-12 14:00
it | giovedì sera alle 8 | 2027-03-11 20:00 | 2027-03-11 22:00?
es | 18 de marzo de 13:00 a 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
es | jueves, 18 de marzo de 2027, de 13:00 a 15:15 h | 2027-03-18 13:00 | 2027-03-18 15:15
es | el jueves 18 de marzo de las 13 a las 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
es | 18/03/2027 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
es | mar 16 de mar de 10 a 12 | 2027-03-16 10:00 | 2027-03-16 12:00
es | 18 de marzo a las 13 horas | 2027-03-18 13:00 | 2027-03-18 15:00?
es | 18 de marzo de 2027 a la 1 de la tarde | 2027-03-18 13:00 | 2027-03-18 15:00?
es | 18 de marzo, 1 p. m. a 3:15 p. m. | 2027-03-18 13:00 | 2027-03-18 15:15
es | mañana 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
es | mañana a las 10 de la mañana | 2027-03-11 10:00 | 2027-03-11 12:00?
es | pasado mañana de 9 a 17 | 2027-03-12 09:00 | 2027-03-12 17:00
es | hoy a las 18:30 | 2027-03-10 18:30 | 2027-03-10 20:30?
es | miercoles de 13 a 15 | 2027-03-17 13:00 | 2027-03-17 15:00
es | sábado desde las 10 hasta las 12 | 2027-03-13 10:00 | 2027-03-13 12:00
es | del 18 al 19 de marzo de 9 a 17 h | 2027-03-18 09:00 | 2027-03-19 17:00
es | 18 y 19 de marzo de 9:00 a 17:00 | 2027-03-18 09:00 | 2027-03-19 17:00
es | 18 de marzo entre las 13:00 y las 15:00 | 2027-03-18 13:00 | 2027-03-18 15:00
es | 18 de marzo de 8 a 10 de la noche | 2027-03-18 20:00 | 2027-03-18 22:00
es | 18 de marzo desde el mediodía hasta las 2 de la tarde | 2027-03-18 12:00 | 2027-03-18 14:00
es | 1º de abril de 10 a 12 | 2027-04-01 10:00 | 2027-04-01 12:00
es | viernes de 10 a 12 | 2027-03-12 10:00 | 2027-03-12 12:00
es | viernes 9 a las 14 | -
es | jueves por la tarde de 4 a 6 | 2027-03-11 16:00 | 2027-03-11 18:00
uk | 18 березня з 13:00 до 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
uk | четвер, 18 березня 2027 р., 13:00–15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
uk | у четвер 18 березня 2027 року о 13 годині | 2027-03-18 13:00 | 2027-03-18 15:00?
uk | чт 18.03 з 13 до 15.15 | 2027-03-18 13:00 | 2027-03-18 15:15
uk | 18.03.2027 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
uk | 18-го березня від 13 до 15 | 2027-03-18 13:00 | 2027-03-18 15:00
uk | завтра 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
uk | завтра об 11 | 2027-03-11 11:00 | 2027-03-11 13:00?
uk | завтра о 10 ранку | 2027-03-11 10:00 | 2027-03-11 12:00?
uk | післязавтра з 9 до 17 год. | 2027-03-12 09:00 | 2027-03-12 17:00
uk | сьогодні о 18:30 | 2027-03-10 18:30 | 2027-03-10 20:30?
uk | у п'ятницю з 13 до 15 | 2027-03-12 13:00 | 2027-03-12 15:00
uk | п’ятниця 13:00-15:15 | 2027-03-12 13:00 | 2027-03-12 15:15
uk | в суботу 10–12 | 2027-03-13 10:00 | 2027-03-13 12:00
uk | з 18 по 19 березня з 9 до 17 | 2027-03-18 09:00 | 2027-03-19 17:00
uk | 18 та 19 березня з 9 до 17 | 2027-03-18 09:00 | 2027-03-19 17:00
uk | 18 березня 9:00 — 19 березня 17:00 | 2027-03-18 09:00 | 2027-03-19 17:00
uk | 18 березня між 13 і 15 | 2027-03-18 13:00 | 2027-03-18 15:00
uk | 18 березня з 7 до 9 вечора | 2027-03-18 19:00 | 2027-03-18 21:00
uk | 18 БЕРЕЗНЯ О 13:00 | 2027-03-18 13:00 | 2027-03-18 15:00?
ru | 18 марта с 13 до 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
ru | четверг, 18 марта 2027 г., 13:00–15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
ru | в четверг 18 марта 2027 года в 13 часов | 2027-03-18 13:00 | 2027-03-18 15:00?
ru | чт 18.03 с 13.00 до 15.15 | 2027-03-18 13:00 | 2027-03-18 15:15
ru | с 18.03 по 19.03 с 9 до 17 | 2027-03-18 09:00 | 2027-03-19 17:00
ru | 18-го марта 13 ч - 15 ч | 2027-03-18 13:00 | 2027-03-18 15:00
ru | завтра 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
ru | завтра в 10 утра | 2027-03-11 10:00 | 2027-03-11 12:00?
ru | послезавтра с 9 до 17 | 2027-03-12 09:00 | 2027-03-12 17:00
ru | сегодня в 18:30 | 2027-03-10 18:30 | 2027-03-10 20:30?
ru | в пятницу с 13 до 15 | 2027-03-12 13:00 | 2027-03-12 15:00
ru | во вторник 10-12 | 2027-03-16 10:00 | 2027-03-16 12:00
ru | с 18 по 19 марта с 9 до 17 | 2027-03-18 09:00 | 2027-03-19 17:00
ru | 18 и 19 марта, 9-17 | 2027-03-18 09:00 | 2027-03-19 17:00
ru | 18 марта 22:00 - 01:00 | 2027-03-18 22:00 | 2027-03-19 01:00
ru | 18 марта с 2 до 4 дня | 2027-03-18 14:00 | 2027-03-18 16:00
ru | 18 марта между 13 и 15 часами | -
ru | 1-го мая с полудня до 3 часов дня | 2027-05-01 12:00 | 2027-05-01 15:00
ru | 18 мар. 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
ar | ١٨ مارس ١٣:٠٠-١٥:١٥ | 2027-03-18 13:00 | 2027-03-18 15:15
ar | الخميس، 18 مارس 2027، 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
ar | يوم الخميس 18 مارس من الساعة 13:00 إلى الساعة 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
ar | ١٨ مارس ٢٠٢٧ من ١٣ حتى ١٥ | 2027-03-18 13:00 | 2027-03-18 15:00
ar | 18 آذار 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
ar | 18 كانون الثاني من 10 إلى 12 | 2028-01-18 10:00 | 2028-01-18 12:00
ar | 18\u200f/3\u200f/2027 13:00 - 15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
ar | 18 مارس من الساعة ١ ظهرا إلى ٣ مساءً | 2027-03-18 13:00 | 2027-03-18 15:00
ar | 18 مارس 1:00 م - 3:15 م | 2027-03-18 13:00 | 2027-03-18 15:15
ar | 18 مارس 2027م من 9 صباحاً حتى 5 مساءً | 2027-03-18 09:00 | 2027-03-18 17:00
ar | غدا 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
ar | غداً الساعة ١٠ صباحاً | 2027-03-11 10:00 | 2027-03-11 12:00?
ar | بعد غد من 9 إلى 17 | 2027-03-12 09:00 | 2027-03-12 17:00
ar | اليوم الساعة 18:30 | 2027-03-10 18:30 | 2027-03-10 20:30?
ar | الجمعة من ١٣:٠٠ إلى ١٥:٠٠ | 2027-03-12 13:00 | 2027-03-12 15:00
ar | الاربعاء 13:00-15:00 | 2027-03-17 13:00 | 2027-03-17 15:00
ar | من 18 إلى 19 مارس من 9 إلى 17 | 2027-03-18 09:00 | 2027-03-19 17:00
ar | 18 مارس بين 13 و15 | 2027-03-18 13:00 | 2027-03-18 15:00
ar | 5 ابريل 13:00-15:15 | 2027-04-05 13:00 | 2027-04-05 15:15
ar | مساء يوم الخميس 18 مارس الساعة 7:30 | 2027-03-18 19:30 | 2027-03-18 21:30?
tr | 18 Mart 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
tr | 18 Mart 2027 Perşembe 13:00-15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
tr | 18 Mart Perşembe günü saat 13:00'ten 15:15'e kadar | 2027-03-18 13:00 | 2027-03-18 15:15
tr | 18.03.2027 saat 13.00 - 15.15 | 2027-03-18 13:00 | 2027-03-18 15:15
tr | 18 Mart'ta saat 13:00 ile 15:15 arası | 2027-03-18 13:00 | 2027-03-18 15:15
tr | 18 Mart saat 13'te | 2027-03-18 13:00 | 2027-03-18 15:00?
tr | Per 18 Mar 13:00–15:15 | 2027-03-18 13:00 | 2027-03-18 15:15
tr | yarın 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
tr | Yarın saat 10'da | 2027-03-11 10:00 | 2027-03-11 12:00?
tr | yarın sabah 10-12 | 2027-03-11 10:00 | 2027-03-11 12:00
tr | öbür gün 9-17 | 2027-03-12 09:00 | 2027-03-12 17:00
tr | bugün 18:30 | 2027-03-10 18:30 | 2027-03-10 20:30?
tr | bu akşam saat 8 | 2027-03-10 20:00 | 2027-03-10 22:00?
tr | SALI 10-12 | 2027-03-16 10:00 | 2027-03-16 12:00
tr | PAZARTESİ 10-12 | 2027-03-15 10:00 | 2027-03-15 12:00
tr | cumartesi saat 10 ve 12 arasında | 2027-03-13 10:00 | 2027-03-13 12:00
tr | Perşembe öğleden sonra 1-3 | 2027-03-11 13:00 | 2027-03-11 15:00
tr | 18-19 Mart 9-17 | 2027-03-18 09:00 | 2027-03-19 17:00
tr | 18 Mart 9:00 - 19 Mart 17:00 | 2027-03-18 09:00 | 2027-03-19 17:00
tr | 5 Ağustos 10-12 | 2027-08-05 10:00 | 2027-08-05 12:00
tr | 5 Agustos 10 ila 12 | 2027-08-05 10:00 | 2027-08-05 12:00
tr | 18 Mart'tan 19 Mart'a kadar 9-17 | 2027-03-18 09:00 | 2027-03-19 17:00
tr | Cumartesi günü saat 14'ten 16'ya | 2027-03-13 14:00 | 2027-03-13 16:00
"""
GOOD = [[cell.strip().replace("\\n", "\n").replace("\\u200f", "\u200f") for cell in row.split(" | ")] for row in ROWS.strip().splitlines()]


@pytest.mark.parametrize(("language", "typed", "begins", "ends"), [row for row in GOOD if len(row) == 4])
def test_a_line_in_plain_words_is_understood(language, typed, begins, ends):
    span = Span(at(begins), at(ends.rstrip("?")), guessed_end=ends.endswith("?"))
    assert understand_span(typed, language, NOW) == span


@pytest.mark.parametrize(("language", "typed"), [row[:2] for row in GOOD if len(row) == 3])
def test_a_line_that_could_mean_something_else_is_not_guessed_at(language, typed):
    assert understand_span(typed, language, NOW) == Misread("unreadable")


def test_the_table_is_as_long_as_was_promised():
    assert len(GOOD) >= 150
    assert {row[0] for row in GOOD} == set(TEN)


# language | typed | fault | detail
REFUSED = """
en | hello | unreadable
en | ... | unreadable
en | not on 18 March 13:00 | unreadable
en | 18 March 13:00-15:15 in the park | unreadable
en | 18 March 13:00-15:15 and 20 March 13:00-15:15 | unreadable
en | 18 and 25 March 13:00-15:15 | unreadable
en | 18 March 25:00 | unreadable
en | 18 March 13:60-15:00 | unreadable
en | 18 March 24:30 | unreadable
en | 18 March 13:00- | unreadable
en | Thursday 18 13:00 | unreadable
en | 18 March 13 am | unreadable
en | 10 | no-date
en | 13:00-15:15 | no-date
de | 13 bis 15 Uhr | no-date
ar | من ١٣:٠٠ إلى ١٥:١٥ | no-date
en | 18 March | no-time
en | 18 March 2027 | no-time
en | tomorrow | no-time
en | Thursday | no-time
en | tomorrow afternoon | no-time
en | 18 March 13 | no-time
en | Thursday 10 | no-time
de | 18.-19. März | no-time
de | 18.-19. März 9 Uhr | no-time
en | 18 March - 19 | no-time
en | 10-12 March | no-time
en | 31 February 13:00 | no-such-day
en | 31 February 2028 13:00 | no-such-day
en | 29 February 2029 13:00 | no-such-day
de | 31.4. 13-15 Uhr | no-such-day
de | 45.03.2027 13-15 Uhr | no-such-day
fr | 31/04 13h | no-such-day
en | Monday 18 March 2027 13:00 | wrong-weekday | 2027-03-18
de | Mo, 18.3., 13-15 Uhr | wrong-weekday | 2027-03-18
tr | 18 Mart 2027 Cuma 13:00-15:15 | wrong-weekday | 2027-03-18
en | tomorrow, Friday, 13:00 | wrong-weekday | 2027-03-11
en | Thu 18 March 9:00 - Sat 19 March 17:00 | wrong-weekday | 2027-03-19
en | 03/04/2027 13:00 | ambiguous | 2027-03-04 2027-04-03
en | 4/3 13:00-15:00 | ambiguous | 2027-04-03 2028-03-04
en | 04-05-2027 13:00 | ambiguous | 2027-04-05 2027-05-04
en | Thursday 1-3 | ambiguous | 2027-03-11T01:00 2027-03-11T13:00
en | 18 March 5:30 | ambiguous | 2027-03-18T05:30 2027-03-18T17:30
en | next Thursday 10-12 | ambiguous | 2027-03-11 2027-03-18
de | nächsten Freitag 10-12 Uhr | ambiguous | 2027-03-12 2027-03-19
fr | jeudi prochain 10h-12h | ambiguous | 2027-03-11 2027-03-18
en | 9 March 2027 13:00-15:00 | past
en | today 11:00-15:00 | past
en | 10 March 2027 12:00 | past
en | 18 March 2020 13:00 | past
de | 18.3.1985 13 Uhr | past
de | 18.3.85 13 Uhr | past
en | 18 March 1001 13:00 | past
en | 18 March 0001 13:00 | unreadable
en | 18 March 0000 13:00 | unreadable
en | 11 March 2032 13:00 | too-far
en | 31 December 9999 24:00 | too-far
en | 18 March 9999 13:00 - 19 March 9999 15:00 | too-far
en | 18 March 15:15-13:00 | end-before-start
en | 18 March 13:00-13:00 | end-before-start
en | 18 March 2027 13:00 - 17 March 2027 15:00 | end-before-start
en | 18 March 2027 13:00 - 18 March 2027 12:00 | end-before-start
en | 18 March 13:00 - 19 April 13:00 | too-long
en | 18 March 13:00 - 17 March 15:00 | too-long
en | 18 March 2027 13:00 - 18 March 2028 15:00 | too-long
en | 18 March 13:00 - 18 April 13:01 | too-long
"""
BAD = [[*(cell.strip() for cell in row.split(" | ")), ""][:4] for row in REFUSED.strip().splitlines()]


@pytest.mark.parametrize(("language", "typed", "fault", "detail"), BAD)
def test_a_line_that_does_not_count_is_refused_with_its_reason(language, typed, fault, detail):
    assert understand_span(typed, language, NOW) == Misread(fault, detail)


def test_an_empty_line_is_unreadable():
    assert understand_span("", "en", NOW) == understand_span(" \n", "de", NOW) == understand_moment("", "en", NOW) == Misread("unreadable")
    assert understand_before("", "en") is understand_befores(" ", "en") is None


def test_what_lasts_31_days_and_what_begins_in_5_years_still_counts():
    assert understand_span("18 March 13:00 - 18 April 13:00", "en", NOW) == Span(at("2027-03-18 13:00"), at("2027-04-18 13:00"))
    assert understand_span("10 March 2032 13:00-15:00", "en", NOW) == Span(at("2032-03-10 13:00"), at("2032-03-10 15:00"))


def test_english_of_a_country_that_writes_the_day_first_is_never_ambiguous():
    assert understand_span("03/04/2027 9:00-17:00", "en_GB", NOW) == Span(at("2027-04-03 09:00"), at("2027-04-03 17:00"))


def test_a_language_that_nobody_knows_reads_english():
    assert understand_span("18 March 13:00-15:15", "xx-Nope", NOW) == Span(at("2027-03-18 13:00"), at("2027-03-18 15:15"))


@pytest.mark.parametrize(
    ("language", "typed", "moment"),
    [
        ("en", "17 March 18:00", at("2027-03-17 18:00")),
        ("en", "by Wednesday 17 March, 6 pm", at("2027-03-17 18:00")),
        ("de", "bis 17. März 18 Uhr", at("2027-03-17 18:00")),
        ("de", "bis zum 17.3.", at("2027-03-17 23:59")),
        ("pl", "do 17 marca", at("2027-03-17 23:59")),
        ("pl", "do 17 marca godz. 18", at("2027-03-17 18:00")),
        ("fr", "jusqu'au 17 mars à 18h", at("2027-03-17 18:00")),
        ("it", "entro il 17 marzo", at("2027-03-17 23:59")),
        ("es", "hasta el 17 de marzo a las 18:00", at("2027-03-17 18:00")),
        ("uk", "до 17 березня", at("2027-03-17 23:59")),
        ("ru", "до 17 марта, 18:00", at("2027-03-17 18:00")),
        ("ar", "حتى ١٧ مارس", at("2027-03-17 23:59")),
        ("tr", "17 Mart'a kadar", at("2027-03-17 23:59")),
        ("en", "today", at("2027-03-10 23:59")),
        ("en", "17 March midnight", at("2027-03-18 00:00")),
        ("en", "18:00 tomorrow", at("2027-03-11 18:00")),
        ("en", "9 March", at("2028-03-09 23:59")),
        ("en", "9 March 2027", Misread("past")),
        ("en", "18:00", Misread("no-date")),
        ("en", "17 March 18", Misread("no-time")),
        ("en", "17 March 5:00", Misread("ambiguous", "2027-03-17T05:00 2027-03-17T17:00")),
        ("en", "03/04/2027", Misread("ambiguous", "2027-03-04 2027-04-03")),
        ("en", "17 March 25:00", Misread("unreadable")),
        ("en", "17 March 13:00-15:00", Misread("unreadable")),
        ("en", "17-18 March", Misread("unreadable")),
        ("en", "2 days before", Misread("unreadable")),
    ],
)
def test_a_moment_is_understood_and_a_day_alone_is_its_last_minute(language, typed, moment):
    assert understand_moment(typed, language, NOW, end_of_day=True) == moment


def test_a_day_alone_is_no_moment_unless_it_may_be_its_end():
    assert understand_moment("17 March", "en", NOW) == Misread("no-time")
    assert understand_moment("17 March 18:00", "en", NOW) == at("2027-03-17 18:00")


# language | typed | minutes (-: no such thing)
BEFORE = """
en | 2 days before | 2880
en | 1 hour before | 60
en | 7d | 10080
en | 1 h | 60
en | 30 min | 30
en | a week | 10080
en | 1h30 | 90
en | 1 h 30 min | 90
en | 1.5 hours | 90
en | half an hour before | 30
en | 60 days | 86400
de | 2 Tage vorher | 2880
de | 1,5 Stunden | 90
de | eine halbe Stunde davor | 30
de | 2 Wo. | 20160
de | eine Woche vor Beginn | 10080
de | 3 Std. | 180
de | am Vortag | 1440
de | 2 T | 2880
pl | 1 dzień | 1440
pl | 2 dni przed | 2880
pl | 3 godz. | 180
pl | godzinę wcześniej | 60
pl | 2 tyg. | 20160
fr | 2 jours avant | 2880
fr | 7 j | 10080
fr | une heure avant | 60
fr | 30 minutes | 30
fr | la veille | 1440
it | 2 giorni prima | 2880
it | un'ora prima | 60
it | 1 settimana | 10080
it | mezz'ora prima | 30
es | 2 días antes | 2880
es | una hora antes | 60
es | 1 semana | 10080
es | media hora | 30
uk | 2 дні | 2880
uk | за 5 днів | 7200
uk | 1 годину | 60
uk | 30 хв | 30
uk | тиждень | 10080
uk | за пів години | 30
ru | 2 дня | 2880
ru | за 5 дней | 7200
ru | за час | 60
ru | 30 мин | 30
ru | за неделю | 10080
ru | 2 ч | 120
ar | قبل يومين | 2880
ar | ٧ أيام | 10080
ar | ساعة | 60
ar | قبل ساعتين | 120
ar | 30 دقيقة | 30
ar | يوم واحد | 1440
tr | 2 gün önce | 2880
tr | 1 saat | 60
tr | 30 dk | 30
tr | bir hafta önce | 10080
tr | yarım saat | 30
en | 61 days | -
en | 0 min | -
en | -1 day | -
en | 2 | -
en | soon | -
en | 1 month | -
en | 1 day 2 hours | -
en | 7 days, 1 day | -
en | 99999999999 days | -
en | ½ hour | -
en | 7,5 days | -
"""


@pytest.mark.parametrize(("language", "typed", "minutes"), [row.split(" | ") for row in BEFORE.strip().splitlines()])
def test_how_long_before_is_understood(language, typed, minutes):
    assert understand_before(typed, language) == (None if minutes == "-" else int(minutes))


@pytest.mark.parametrize("language", [*TEN, *MORE])
@pytest.mark.parametrize(("typed", "minutes"), [("7d", 10080), ("1 h", 60), ("30 min", 30), ("2w", 20160)])
def test_short_units_mean_the_same_everywhere(language, typed, minutes):
    assert understand_before(typed, language) == minutes


@pytest.mark.parametrize(
    ("language", "typed", "minutes"),
    [
        ("en", "7 days, 1 day, 1 hour", (10080, 1440, 60)),
        ("en", "1 hour; 1 day\n7 days", (10080, 1440, 60)),
        ("en", "7, 3 and 1 days before", (10080, 4320, 1440)),
        ("en", "1 day, 24 hours", (1440,)),
        ("en", "1 h", (60,)),
        ("de", "7 Tage, 1 Tag und 1,5 Stunden vorher", (10080, 1440, 90)),
        ("pl", "7 dni, 1 dzień i 1 godzina", (10080, 1440, 60)),
        ("fr", "7 jours, 1 jour et 1 heure avant", (10080, 1440, 60)),
        ("it", "7 giorni, 1 giorno e 1 ora prima", (10080, 1440, 60)),
        ("es", "7 días, 1 día y 1 hora antes", (10080, 1440, 60)),
        ("uk", "7 днів, 1 день і 1 година", (10080, 1440, 60)),
        ("ru", "за 7 дней, 1 день и 1 час", (10080, 1440, 60)),
        ("ar", "٧ أيام، يوم، ساعة", (10080, 1440, 60)),
        ("tr", "7 gün, 1 gün ve 1 saat önce", (10080, 1440, 60)),
        ("en", "1d, 2d, 3d, 4d, 5d, 6d", (8640, 7200, 5760, 4320, 2880, 1440)),
        ("en", "1d, 2d, 3d, 4d, 5d, 6d, 7d", None),
        ("en", "7 days, 61 days", None),
        ("en", "7 days, soon", None),
        ("en", "7 days,", None),
        ("en", "7, 3", None),
    ],
)
def test_a_list_of_befores_is_understood_and_sorted(language, typed, minutes):
    assert understand_befores(typed, language) == minutes


# ---- what holds for every line ----------------------------------------------------------------------------------


def spans():
    """A day of every month, each weekday, at all hours."""
    begins = NOW + timedelta(days=1)
    for number in range(40):
        begins += timedelta(days=9, hours=7, minutes=35)
        yield Span(begins, begins + timedelta(minutes=15 + 37 * (number % 20)))


@pytest.mark.parametrize("language", [*TEN, *MORE])
def test_what_is_read_back_is_understood_again(language):
    for span in spans():
        line = f"{format_datetime(span.begins, 'EEEE, d MMMM y HH:mm', locale=language)}-{span.ends:%H:%M}"
        assert understand_span(line, language, NOW) == span, line


@pytest.mark.parametrize("language", TEN)
@pytest.mark.parametrize("width", ["full", "long", "medium"])
def test_a_day_and_a_time_as_the_language_writes_them_are_understood(language, width):
    for span in spans():
        line = f"{format_date(span.begins, width, locale=language)} {format_time(span.begins, 'short', locale=language)}"
        assert understand_moment(line, language, NOW) == span.begins, line


@pytest.mark.parametrize("language", TEN)
def test_every_name_of_a_month_and_of_a_weekday_is_known(language):
    here = Locale.parse(language)
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in here.months[context][width].items():
                assert understand_moment(f"14 {name} 2028 23:00", language, NOW) == at(f"2028-{number:02}-14 23:00"), name
            for number, name in here.days[context][width].items():
                assert understand_moment(f"{name} 23:00", language, NOW).weekday() == number, name


ODD = [*"0123456789:.,/-–—  \n;()²½٣߉ﷺßİ+&🕐", *"\u0301\u200f\u202e\x00\ud800", "24:00", "31.", "2028", "99999", "am", "pm", "mar"]


def test_no_text_whatever_breaks_it():
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    luck = random.Random(seed)
    lines = [row[1] for row in GOOD + BAD]
    words = [word for line in lines for word in line.split()]
    for _ in range(2_000):
        letters = list(luck.choice(lines))
        for _ in range(luck.randint(1, 6)):
            at = luck.randrange(len(letters) + 1)
            letters[at : at + luck.randrange(4)] = luck.choice([[], [luck.choice(ODD)], [f" {luck.choice(words)} "], letters[at : at + 5] * 2])
        text, language = "".join(letters), luck.choice(TEN)
        span = understand_span(text, language, NOW)
        assert isinstance(span, Misread) or (NOW < span.begins < span.ends <= span.begins + LONGEST), (seed, text)
        moment = understand_moment(text, language, NOW, end_of_day=luck.random() < 0.5)
        assert isinstance(moment, Misread) or moment > NOW, (seed, text)
        befores = understand_befores(text, language)
        assert befores is None or all(0 < each <= 86400 for each in befores), (seed, text)
        assert understand_before(text, language) in {None, *(befores or ())}, (seed, text)


HOSTILE = """1|1 |1-|1:|1.|18.3.|18.03 |18 march |march |mar 1 |thursday | |,|-|a|half |a h |é|e\u0301|ﷺ|٣|🕐|13h |1,5 |'|²|1st|day after """.split("|")


@pytest.mark.parametrize("language", TEN)
def test_hostile_lines_take_no_time(language):
    worst = {}
    for piece in HOSTILE:
        for length in (320, 4096):  # as long as is looked at, and longer
            text = (piece * length)[:length]
            for what in (lambda: understand_span(text, language, NOW), lambda: understand_befores(text, language)):
                what()
                worst[piece, length] = max(worst.get((piece, length), 0), min(_seconds(what) for _ in range(3)))
    print(language, *max((1000 * seconds, piece) for piece, seconds in worst.items()))
    assert max(worst.values()) < 0.005, worst


def _seconds(what):
    begun = time.thread_time()
    what()
    return time.thread_time() - begun


def test_no_rule_repeats_what_repeats():
    from dialogs import when

    rules = [value for value in vars(when).values() if isinstance(value, re.Pattern)] + [pattern for pattern, _ in when._READERS]
    assert len(rules) > 15
    assert not [rule.pattern for rule in rules if re.search(r"[*+}]\)[*+{]", rule.pattern)]
