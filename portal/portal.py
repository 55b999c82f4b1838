import reflex as rx

def index():
    return rx.el.main(rx.el.h1("x"), class_name="p-4 ms-2")

app = rx.App(html_lang="fa", html_custom_attrs={"dir": "rtl"}, toaster=None, app_wraps={}, stylesheets=["app.css"])
app.add_page(index, route="/")
app.add_page(index, route="/usage")
