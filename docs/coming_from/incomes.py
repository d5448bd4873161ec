import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

rng = np.random.default_rng(0)
sex = pd.Series(rng.choice(["female", "male"], 2000), name="sex")
X = pd.DataFrame({"hours": rng.normal(40, 10, 2000)})
X["years"] = rng.integers(5, 17, 2000)
X["hours"] += 4 * (sex == "male")
score = 0.1 * X["hours"] + 0.3 * X["years"] + rng.logistic(size=2000)
y = np.where(score > 8.3, "high", "low")
parts = train_test_split(X, y, sex, random_state=0)
X_train, X_test, y_train, y_test, sex_train, sex_test = parts
model = LogisticRegression().fit(X_train, y_train)
y_pred = model.predict(X_test)
