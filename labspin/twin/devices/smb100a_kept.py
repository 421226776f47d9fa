"""Settings of the SMB100A that are kept and answered, and act on nothing that is simulated.

Modulation, the low-frequency generator, stereo, pulse trains, corrections, level control by a power sensor,
the front panel and the interfaces, after the chapter "Remote control commands" of the *R&S SMB100A operating
manual* (1407.0806.32). No sensor of power is connected.
"""

from __future__ import annotations

from labspin.twin.kept import kept_lines
from labspin.twin.wire import Command

__all__ = ["kept_commands"]

_MODULATION = """
[SOURce#:]AM:DEPTh                      0..100 PCT = 30
[SOURce#:]AM:DEPTh:EXPonential          0..100 PCT = 1
[SOURce#:]AM:DEPTh:LINear               0..100 PCT = 30
[SOURce#:]AM:EXTernal:COUPling          AC|DC = AC
[SOURce#:]AM:INTernal:SOURce            LF1|LF2|NOISe = LF1
[SOURce#:]AM:SENSitivity?               = 30
[SOURce#:]AM:SOURce                     INTernal|EXTernal|INT,EXT = INT
[SOURce#:]AM:TYPE                       LINear|EXPonential = LIN
[SOURce#:]FM[:DEViation]                0..40E6 Hz = 1000
[SOURce#:]FM:EXTernal:COUPling          AC|DC = AC
[SOURce#:]FM:EXTernal:DEViation         0..40E6 Hz = 1000
[SOURce#:]FM:INTernal:DEViation         0..40E6 Hz = 1000
[SOURce#:]FM:INTernal:SOURce            LF1|LF2|NOISe = LF1
[SOURce#:]FM:MODE                       NORMal|LNOise|HDEViation = NORM
[SOURce#:]FM:SENSitivity?               = 1000
[SOURce#:]FM:SOURce                     INTernal|EXTernal|INT,EXT = INT
[SOURce#:]PM[:DEViation]                0..40 RAD = 1
[SOURce#:]PM:EXTernal:COUPling          AC|DC = AC
[SOURce#:]PM:EXTernal:DEViation         0..40 RAD = 1
[SOURce#:]PM:INTernal:DEViation         0..40 RAD = 1
[SOURce#:]PM:INTernal:SOURce            LF1|LF2|NOISe = LF1
[SOURce#:]PM:MODE                       HBANdwidth|HDEViation|LNOise = HBAN
[SOURce#:]PM:SENSitivity?               = 1
[SOURce#:]PM:SOURce                     INTernal|EXTernal|INT,EXT = INT
[SOURce#:]PULM:IMPedance                G50|G10K = G50
[SOURce#:]PULM:OUTPut:VIDeo:POLarity    NORMal|INVerted = NORM
[SOURce#:]PULM:THReshold                0..2 V = 1
[SOURce#:]PULM:DOUBle:STATe             on|off = 0
[SOURce#:]PULM:SYNC                     on|off = 0
[SOURce#:]PULM:TRAin:DWELl:AUTO         on|off = 0
[SOURce#:]PULM:TRAin:HOPPing:STATe      on|off = 0
[SOURce#:]PULM:TTYPe                    STANdard|FAST = STAN
[SOURce#:]PGENerator:OUTPut:POLarity    NORMal|INVerted = NORM
[SOURce#:]PGENerator:OUTPut[:STATe]     on|off = 0
[SOURce#:]PGENerator:STATe              on|off = 0
"""
_LOW_FREQUENCY = """
[SOURce:]LFOutput:BANDwidth?            = B10M
[SOURce:]LFOutput:FREQuency             0.1..1E6 Hz = 1000
[SOURce:]LFOutput:FREQuency:MANual      0.1..1E6 Hz = 1000
[SOURce:]LFOutput:FREQuency:MODE        CW|FIXed|SWEep = FIX
[SOURce:]LFOutput:FREQuency:STARt       0.1..1E6 Hz = 1000
[SOURce:]LFOutput:FREQuency:STOP        0.1..1E6 Hz = 100000
[SOURce:]LFOutput:OFFSet                -4..4 V = 0
[SOURce:]LFOutput:SHAPe                 SINE|SQUare|TRIangle|SAWTooth|ISAWtooth = SINE
[SOURce:]LFOutput:SIMPedance            G50|G600|LOW = LOW
[SOURce:]LFOutput:SOURce                LF1|LF2|NOISe|EXTernal = LF1
[SOURce:]LFOutput[:STATe]               on|off = 0
[SOURce:]LFOutput:SWEep[:FREQuency]:DWELl       0.001..100 s = 0.015
[SOURce:]LFOutput:SWEep[:FREQuency]:EXECute!
[SOURce:]LFOutput:SWEep[:FREQuency]:MODE        AUTO|MANual|STEP = AUTO
[SOURce:]LFOutput:SWEep[:FREQuency]:POINts      2..1E6 = 100
[SOURce:]LFOutput:SWEep[:FREQuency]:RETRace     on|off = 0
[SOURce:]LFOutput:SWEep[:FREQuency]:RUNNing?    = 0
[SOURce:]LFOutput:SWEep[:FREQuency]:SHAPe       SAWTooth|TRIangle = SAWT
[SOURce:]LFOutput:SWEep[:FREQuency]:SPACing     LINear|LOGarithmic = LIN
[SOURce:]LFOutput:SWEep[:FREQuency]:STEP[:LINear]       0..1E6 Hz = 1000
[SOURce:]LFOutput:SWEep[:FREQuency]:STEP:LOGarithmic    0.01..100 PCT = 1
[SOURce:]LFOutput:VOLTage               0..4 V = 1
TRIGger:LFFSweep[:IMMediate]!
TRIGger:LFFSweep:SOURce                 AUTO|SINGle|EXTernal|EAUTo = SING
[SOURce#:]STEReo:AUDio[:FREQuency]      0.1..15E3 Hz = 1000
[SOURce#:]STEReo:AUDio:MODE             LEFT|RIGHt|RELeft|REMLeft|RNELeft = LEFT
[SOURce#:]STEReo:AUDio:PREemphasis      OFF|50us|75us = OFF
[SOURce#:]STEReo[:DEViation]            0..80E3 Hz = 40000
[SOURce#:]STEReo:DIRect                 ARI|RDS = ARI
[SOURce#:]STEReo:PILot[:DEViation]      0..10E3 Hz = 6720
[SOURce#:]STEReo:PILot:PHASe            -5..5 DEG = 0
[SOURce#:]STEReo:PILot:STATe            on|off = 1
[SOURce#:]STEReo:SOURce                 OFF|LFGen|EXTL|EXTR|EXTLr|SPEXt = OFF
[SOURce#:]STEReo:STATe                  on|off = 0
"""
_LEVEL = """
[SOURce#:]FREQuency:STEP[:INCRement]    0..40E9 Hz = 1000000
[SOURce#:]FREQuency:STEP:MODE           DECimal|USER = DEC
[SOURce#:]FREQuency:LOSCillator:MODE    OFF|ON = OFF
[SOURce#:]POWer:ALC:OMODe               AUTO|ON|OFFTable = AUTO
[SOURce#:]POWer:ALC:SONCe!
[SOURce#:]POWer:ATTenuation:RFOFf:MODE  FATTenuation|UNCHanged = UNCH
[SOURce#:]POWer:LBEHaviour              AUTO|UNINterrupted|CVSWr|USER|MONotone|HDUN = AUTO
[SOURce#:]POWer:LMODe                   NORMal|LOWNoise|LOWDistortion = NORM
[SOURce#:]POWer:PEP?                    = -30
[SOURce#:]POWer:RANGe:LOWer?            = -145
[SOURce#:]POWer:RANGe:UPPer?            = 30
[SOURce#:]POWer:SPC:CRANge              0..50 dB = 30
[SOURce#:]POWer:SPC:DELay               0..1000 = 0
[SOURce#:]POWer:SPC:PEAK                on|off = 0
[SOURce#:]POWer:SPC:SELect              SENS1|SENS2|SENS3|SENS4 = SENS1
[SOURce#:]POWer:SPC:STATe               on|off = 0
[SOURce#:]POWer:SPC:TARGet              -145..30 dBm = 0
[SOURce#:]POWer:STEP[:INCRement]        0..145 dB = 1
[SOURce#:]POWer:STEP:MODE               DECimal|USER = DEC
[SOURce#:]CORRection[:STATe]            on|off = 0
[SOURce#:]CORRection:VALue?             = 0
[SOURce#:]CORRection:ZERoing:STATe      on|off = 0
[SOURce#:]PHASe:REFerence!
[SOURce#:]INPut:MODext:IMPedance        G600|HIGH = HIGH
[SOURce#:]INPut:TRIGger:BBANd:IMPedance G50|G1K = G50
[SOURce#:]ROSCillator:EXTernal:FREQuency            5E6..13E6 Hz = 10000000
[SOURce#:]ROSCillator:EXTernal:SBANdwidth           WIDE|NARRow = WIDE
[SOURce#:]ROSCillator:EXTernal:RFOFf[:STATe]        on|off = 0
[SOURce#:]ROSCillator[:INTernal]:ADJust[:STATe]     on|off = 0
[SOURce#:]ROSCillator[:INTernal]:ADJust:VALue       -2048..2047 = 0
[SOURce#:]SWEep[:FREQuency]:OLIMit                  on|off = 0
[SOURce#:]SWEep:POWer:AMODe             AUTO|FIXed = AUTO
[SOURce#:]SWEep:POWer:RETRace           on|off = 0
[SOURce#:]SWEep:POWer:SHAPe             SAWTooth|TRIangle = SAWT
[SOURce#:]SWEep:POWer:SPACing:MODE?     = LIN
[SOURce#:]SWEep:OBLank                  on|off = 0
[SOURce#:]FREQuency:MANual              9E3..40E9 Hz = 100000000
[SOURce#:]POWer:MANual                  -145..30 dBm = -30
[SOURce#:]LIST:INDex                    0..65535 = 0
[SOURce#:]LIST:INDex:STARt              0..65535 = 0
[SOURce#:]LIST:INDex:STOP               0..65535 = 0
[SOURce#:]LIST:FREE?                    = 2000,0
[SOURce#:]LIST:DWELl:MODE               LIST|GLOBal = GLOB
"""
_INSTRUMENT = """
CALibration:ALL[:MEASure]?              = 0
CALibration#:FREQuency[:MEASure]?       = 0
CALibration#:LEVel[:MEASure]?           = 0
CALibration#:LEVel:STATe                on|off = 1
CALibration#:LFOutput[:MEASure]?        = 0
CALibration:ROSCillator[:DATA]          0..4095 = 2048
DIAGnostic:INFO:OTIMe?                  = 1200
DIAGnostic:INFO:POCount?                = 150
DISPlay:ANNotation:AMPLitude            on|off = 1
DISPlay:ANNotation:FREQuency            on|off = 1
DISPlay:ANNotation[:ALL]                on|off = 1
DISPlay:PSAVe:HOLDoff                   1..60 = 10
DISPlay:PSAVe[:STATe]                   on|off = 0
DISPlay:UPDate                          on|off = 1
FORMat:BORDer                           NORMal|SWAPped = NORM
FORMat[:DATA]                           ASCii|PACKed = ASC
FORMat:SREGister                        ASCii|BINary|HEXadecimal|OCTal = ASC
KBOard:LAYout                           GERMan|ENGLish|AENGlish|FRENch = ENGL
MEMory:HFRee?                           = 409600,500000
OUTPut#:AFIXed:RANGe:LOWer?             = -145
OUTPut#:AFIXed:RANGe:UPPer?             = 30
OUTPut#:IMPedance?                      = G50
OUTPut#:PROTection:CLEar!
OUTPut#:PROTection:TRIPped?             = 0
OUTPut#[:STATe]:PON                     OFF|UNCHanged = UNCH
OUTPut#:USER:MARKer                     on|off = 0
SYSTem:BIOS:VERSion?                    = "3.1"
SYSTem:COMMunicate:GPIB:LTERminator     EOI|STANdard = STAN
SYSTem:COMMunicate:GPIB:RESource?       = "GPIB::28::INSTR"
SYSTem:COMMunicate:GPIB[:SELF]:ADDRess  0..30 = 28
SYSTem:COMMunicate:HISLip:RESource?     = "TCPIP::127.0.0.1::hislip0::INSTR"
SYSTem:COMMunicate:NETWork:IPADdress:MODE   AUTO|STATic = AUTO
SYSTem:COMMunicate:NETWork:MACaddress?  = "00 90 b8 19 28 55"
SYSTem:COMMunicate:NETWork:RESource?    = "TCPIP::127.0.0.1::INSTR"
SYSTem:COMMunicate:NETWork:STATus?      = 1
SYSTem:COMMunicate:NETWork[:COMMon]:DOMain      text = ""
SYSTem:COMMunicate:NETWork[:COMMon]:HOSTname    text = "rssmb100a101234"
SYSTem:COMMunicate:NETWork[:COMMon]:WORKgroup   text = "instrument"
SYSTem:COMMunicate:SOCKet:RESource?     = "TCPIP::127.0.0.1::5025::SOCKET"
SYSTem:COMMunicate:USB:RESource?        = "USB::0x0AAD::0x0054::101234::INSTR"
SYSTem:DATE                             text = ""
SYSTem:TIME                             text = ""
SYSTem:DISPlay:UPDate                   on|off = 1
SYSTem:FPReset!
SYSTem:IDENtification                   AUTO|USER = AUTO
SYSTem:IRESponse                        text = ""
SYSTem:KLOCk                            on|off = 0
SYSTem:LANGuage                         text = "SCPI"
SYSTem:LOCK:NAME?                       = "0"
SYSTem:LOCK:OWNer?                      = "0"
SYSTem:LOCK:RELease!
SYSTem:LOCK:RELease:ALL!
SYSTem:LOCK:REQuest[:EXCLusive]?        = 1
SYSTem:LOCK:SHARed:STRing?              = "0"
SYSTem:OPTions?                         = "SMB-B106,SMB-K22,SMB-K23"
SYSTem:ORESponse                        text = ""
SYSTem:PROTect#[:STATe]                 on|off = 1
SYSTem:SECurity:MMEM:PROTect[:STATe]    on|off = 0
SYSTem:STARtup:COMPlete?                = 1
SYSTem:ULOCk                            ENABled|DONLy|DISabled|VNConly|NOTouch = ENAB
UNIT:ANGLe                              DEGree|DEGRee|RADian = RAD
"""
_SENSORS = """
INITiate#[:POWer]:CONTinuous            on|off = 0
SENSe#[:POWer]:FILTer:LENGth[:USER]     1..65536 = 1
SENSe#[:POWer]:FILTer:NSRatio           0.0001..1 dB = 0.01
SENSe#[:POWer]:FILTer:TYPE              AUTO|USER|NSRatio = AUTO
SENSe#[:POWer]:FREQuency                0..1E12 Hz = 1000000000
SENSe#[:POWer]:LOGGing:STATe            on|off = 0
SENSe#[:POWer]:OFFSet                   -100..100 dB = 0
SENSe#[:POWer]:OFFSet:STATe             on|off = 0
SENSe#[:POWer]:SNUMber?                 = "not connected"
SENSe#[:POWer]:SOURce                   A|USER|RF = USER
SENSe#[:POWer]:STATus[:DEVice]?         = 0
SENSe#[:POWer]:SVERsion?                = "not connected"
SENSe#[:POWer]:TYPE?                    = "not connected"
SENSe#:UNIT[:POWer]                     DBM|DBUV|WATT = DBM
"""


def kept_commands() -> list[Command]:
    """Return the lines."""
    return kept_lines("\n".join((_MODULATION, _LOW_FREQUENCY, _LEVEL, _INSTRUMENT, _SENSORS)))
