"""``streamlit run streamlit_page.py``: the page of the bench, the way Streamlit's own documentation builds one."""

import pandas as pd
import streamlit as st

data = pd.DataFrame(
    [
        {"day": n, "prompt": 1000 * n, "cached": 100 * n, "completion": 500 * n, "total": 1600 * n}
        for n in range(1, 31)
    ]
)
st.bar_chart(data, x="day", y="total")
is_older = st.session_state.get("is_older", False)
st.table(data[20:] if is_older else data[:20])
st.markdown(f'<span class="shown">{"21-30" if is_older else "1-20"}</span>', unsafe_allow_html=True)
st.button("Older", on_click=lambda: st.session_state.update(is_older=True))
