import sys; sys.path[:0]=["tests","tests/studies"]
import time
t=time.time()
from postgres import server
with server() as url:
    print(url, time.time()-t)
    import optuna
    s=optuna.create_study(storage=url, study_name="x"); print(time.time()-t)
    s.optimize(lambda t: t.suggest_float("a",0,1), n_trials=3)
print(time.time()-t)
