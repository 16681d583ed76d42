import sys; sys.path.insert(0,'/work/main/tests')
import test_series
from test_series import *
import os
LOGGED=[]
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_dbg(everybody, place, clock, seed, capsys, monkeypatch):
    n=int(os.environ.get("N","60"))
    S=[]
    for name in ("sign_up","take","cancel","come"):
        def wrap(name=name, old=getattr(Meeting,name)):
            def f(self, who, now):
                b=self.states().get(who); old(self,who,now); LOGGED.append((len(S[0].seats), now, self.code, who, name, b, self.states().get(who)))
            return f
        setattr(Meeting, name, wrap())
    old=Series.hand_in
    async def hand_in(self, updates):
        for u in updates:
            who=(u.get("message") or u["callback_query"])["from"]["id"]
            LOGGED.append((len(self.seats), self.time(), "pressed", who, (u.get("message") or {}).get("text") or u["callback_query"]["data"]))
        await old(self, updates)
    Series.hand_in=hand_in
    series = await held(everybody, place, clock, seed, n, before=S.append)
    more, less = series.letters()
    with capsys.disabled():
        print(more, less)
        for (code, who, kind, at) in less:
            m = next(m for m in series.meetings if m.code==code)
            print([x for x in m.letters.items() if x[0][0]==who])
            for s in series.post.sent:
                if s.chat==who and at-timedelta(days=1)<=s.at<=at+timedelta(hours=1): print(s.step, s.at, s.codes, s.text[:100].replace("\n","|"), s.files)
            for u in LOGGED:
                if u[3]==who and at-timedelta(days=1)<=u[1]<=at+timedelta(hours=1): print(u)
