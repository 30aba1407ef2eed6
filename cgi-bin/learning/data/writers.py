"""Whose digits are learned from, and on whose the models are measured, by name: nobody is on both sides.

UNIPEN's division was drawn by writer; writers who are in neither list are left to others to measure with. In the digits
from Istanbul it is the corpus' own: 30 writers, tra01 to tra30, and 14 others, tes01 to tes14.
"""

from __future__ import annotations

TRAIN, DEV = "train", "dev"  # to learn from, to measure on


def hand(name: str) -> str:
    """Who wrote a file of UNIPEN's, from its path without ending; any other name stays as it is.

    Three laboratories have several files of a writer: a folder of them, or names that begin alike.
    """
    folder, _, file = name.rpartition("/")
    laboratory = name.partition("/")[0]
    if laboratory in ("apa", "apb", "app"):
        return folder
    if laboratory == "ibm":
        return f"{folder}/{file[:3]}"
    return name.rstrip("0123456789") if laboratory == "val" else name


def part_of(name: str) -> str | None:
    """TRAIN or DEV for a file of UNIPEN's, None for one of a writer who is in neither."""
    return next((part for part, hands in UNIPEN.items() if hand(name) in hands), None)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNIPEN = {
    TRAIN: _names(
        """
        apa/apa00 apa/apa01 apa/apa02 apa/apa03 apa/apa04 apa/apa09 apa/apa13 apa/apa14 apa/apa15 apa/apa19
        apa/apa20 apb/apb02 apb/apb05 apb/apb06 apb/apb08 apb/apb10 apb/apb12 apb/apb14 apb/apb15 apb/apb16
        apb/apb18 apb/apb21 apb/apb22 apb/apb23 apb/apb27 apb/apb28 apb/apb31 apb/apb32 apb/apb35 apb/apb38
        apb/apb40 apb/apb41 app/app06 app/app07 app/app08 app/app11 app/app12 app/app13 app/app14 app/app18
        app/app19 app/app25 app/app31 app/app32 app/app34 app/app35 app/app37 app/app40 app/app41
        ced/bngm-227_s_i5 ced/bykg6164_s_23 ced/cada7032_s_ie ced/cypl9614_s_jd ced/flad4341_s_jh
        ced/hrts4205_s_i8 ced/jekn5827_s_26 ced/jika4257_s_0o ced/kkfg6658_s_iq ced/knds0342_s_13
        ced/knke4574.a_s_jo ced/mwbk4038_s_1l ced/nank4257_s_12 ced/qale4877_s_ik ced/rigi0287_s_jc
        ced/rmnn2357_s_j4 ced/sibi4900_s_j3 ced/sncn4237.b_s_ib ced/snsn5548_s_j5 ced/wekh3976_s_j0
        ced/ylsn6164_s_jm gmd/kast ibm/ibm0/r01 ibm/ibm0/r02 ibm/ibm0/r03 ibm/ibm0/r04 uqb/re val/gresai
        """
    ),
    DEV: _names(
        """
        aga/annzchrl aga/crlmtchl aga/drdvlllb aga/elsbthey aga/jhnshrly aga/lzbthwht aga/mlssdrry apb/apb04
        apb/apb09 apb/apb17 apb/apb29 apb/apb36 apb/apb42 art/art01tst art/art03tst art/art08tst
        ced/aike2911_s_1z ced/gyen4328_s_2c ced/jnpk7049_s_1r ced/maba4240_s_ir ced/napl4256_s_0f
        ced/naty7589.a_s_2e ced/pnlg5032_s_19 ced/repy0371_s_1a ced/rish6239_s_2d ced/wmas2465_s_is ibm/ibm0/r00
        imp/imp0/imp104 imp/imp0/imp114 imp/imp0/imp118 imp/imp0/imp129 imp/imp0/imp137 imp/imp0/imp144
        imp/imp0/imp145 imp/imp0/imp16 imp/imp0/imp160 imp/imp0/imp165 imp/imp0/imp175 imp/imp0/imp180
        imp/imp0/imp181 imp/imp0/imp24 imp/imp0/imp26 imp/imp0/imp33 imp/imp0/imp35 imp/imp0/imp43
        imp/imp0/imp45 imp/imp0/imp53 imp/imp0/imp60 imp/imp0/imp77 imp/imp0/imp79 imp/imp0/imp81 imp/imp0/imp97
        syn/syn0/cam syn/syn0/dg syn/syn0/jwd syn/syn0/lvh syn/syn0/zc syn/syn1/bek-dig2 syn/syn1/jab-dig9
        syn/syn1/jcp-dig11 syn/syn1/jel-dig14 syn/syn1/sjb-dig20 syn/syn1/zor-dig22 uqb/ja
        """
    ),
}
