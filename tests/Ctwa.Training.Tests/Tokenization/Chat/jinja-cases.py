"""Writes jinja-cases.json: small templates with what Jinja 3.1 makes of them, set up as transformers sets it up.

Run with a Python that has jinja2:  python3 jinja-cases.py > jinja-cases.json
"""
import json
import sys

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


V = {
    "s": "Hello, World", "e": "", "n": 7, "neg": -3, "f": 2.5, "t": True, "no": False, "nothing": None,
    "u": "\U0001D453x \u00e9\u00df", "l": [3, 1, 2], "el": [], "d": {"b": 1, "a": [1, {"x": None}], "items": "hidden"}, "words": ["b", "A", "c", "a"],
    "people": [{"name": "Bo", "age": 3, "tags": ["x"]}, {"name": "al", "age": 5, "tags": []}, {"name": "Cy", "age": 3}],
    "text": "  one two\n three  ", "html": "<a href='x'>&\"", "big": 12345678901234567890, "tiny": 1e-7, "huge": 1e22,
}

EXPRESSIONS = r"""
s ~ n ~ f ~ t ~ nothing | s + '!' | s * 2 | 2 * s | l + [4] | n + 1 | n - 10 | n * f | n / 2 | n // 2 | neg // 2 | neg % 5 | n % -4 | 2 ** 3 | 2 ** -1 | -n | - n | +n | 2 ** 3 ** 2 | -2 ** 2
7.0 // 2 | -7.5 % 2 | 1e3 | 1_000 | 0.1 + 0.2 | 1.0 | 100000.0 * 1e12 | tiny | huge | big | 1 / 3 | 5e-324 | 123456789.123456789 | -0.0 | 1e16 | 9999999999999998.0
n == 7 | n == 7.0 | t == 1 | s == 'Hello, World' | 1 < 2 < 3 | 1 < 3 < 2 | s < 'Z' | l < [3, 2] | not t | not e | t and s | e or 'x' | e and 1 | nothing == none | undefinedname == undefinedname
'World' in s | 'x' not in s | 3 in l | 'b' in d | 'x' in undefinedname | none in [none] | (1, 2) in [(1, 2)] | not 1 in l | n in [7] and 1 | 1 if t else 2 | 1 if no | (1 if no) is defined | 'a' if no else 'b' if no else 'c'
s[0] | s[-1] | s[0:5] | s[::-1] | s[7:] | s[:-2] | s[100] | u[0] | u[::-1] | u[1:3] | l[0] | l[-1] | l[1:] | l[::-1] | l[::2] | l[5] | l[-9:9] | d['b'] | d.b | d.a[1].x | d['a'][0] | d.missing | d['missing'] | people[0].name | people.0.name | d.items()|list | d['items'] | d.get('b') | d.get('z') | d.get('z', 'y') | d.keys()|list | d.values()|list | nothing.x | nothing['x'] | s.missing
[1, 2,] | (1,) | (1, 2) | () | {} | {'a': 1, 'b': [2]} | {'a': 1,} | [none, true, false] | 'a' 'b' | "it's" | 'q"' | [s, "it's", 'q"', 'both\'"', 'nl\n\t\\'] | ['\x00\x7f\xa0\u200b\U0001D453'] | 'a\x41\u0042\101\q\'' | '\\n'
s.upper() | s.lower() | s.title() | u.upper() | s.startswith('Hell') | s.endswith(('x', 'ld')) | s.split(', ') | s.split('l') | text.split() | text.split(none, 1) | text.rsplit(none, 1) | s.split('l', 1) | s.rsplit('l', 1) | s.replace('l', 'L') | s.replace('l', 'L', 1) | s.replace('', '-') | text.strip() | text.lstrip() | text.rstrip() | s.strip('Hd') | s.lstrip('leH') | s.find('o') | s.rfind('o') | s.find('z') | s.count('l') | s.index('o') | ', '.join(words) | s.capitalize() | '12'.isdigit() | 'ab'.isalpha() | ' '.isspace() | 'a{}b{}'.format(1, 'x') | '{1}{0}{k}'.format(1, 2, k=3) | '{{}}'.format() | text.splitlines() | s.partition(', ') | s.rpartition('o') | s.removeprefix('Hello') | s.removesuffix('d') | '7'.zfill(3) | u.find('x') | 'ab' .upper()
s|upper | s|lower | s|title | 'foo bar-baz (qux'|title | s|capitalize | s|length | u|length | l|length | d|length | undefinedname|length | text|trim | s|trim('Hd') | s|first | s|last | l|first | el|first | l|last | s|reverse | l|reverse|list | s|list | d|list | l|sort | words|sort | words|sort(case_sensitive=true) | words|sort(reverse=true) | people|sort(attribute='age')|map(attribute='name')|list | people|map(attribute='age')|sum | people|sum(attribute='age') | l|sum | l|max | l|min | words|max | el|max | words|unique|list | [1, 1.0, true, 2]|unique|list | l|join('-') | l|join | people|join(', ', attribute='name') | words|map('upper')|join | people|map(attribute='tags')|list | people|map(attribute='tags', default='none')|list | people|selectattr('age', 'equalto', 3)|map(attribute='name')|list | people|rejectattr('age', '==', 3)|list|length | people|selectattr('tags')|list|length | l|select('gt', 1)|list | l|reject('odd')|list | [0, 1, '', 'x']|select|list | people|selectattr('tags', 'defined')|list|length
undefinedname|default('x') | e|default('x') | e|default('x', true) | none|default('x') | none|d('x', boolean=true) | n|string + '!' | '42'|int | 'x'|int | 'x'|int(5) | '3.9'|int | 3.9|int | neg|abs | '2.5'|float | 'x'|float | f|round | 2.567|round(2) | 2.1|round(0, 'ceil') | 2.5|round|int | html|escape | html|e | s|safe | s|replace('l', 'L') | s|replace('l', 'L', 1) | d|dictsort | d|items|list | 'a\nb\n\nc'|indent | 'a\nb\n\nc'|indent(2, true) | 'a\nb\n\nc'|indent(2, blank=true) | 'x'|indent(first=true) | s|wordcount | '%s=%d'|format('a', 3) | '%s and %r' % ('a', 'b') | '%.2f%%' % 3.14159 | l|batch(2)|list | -1|abs | l|attr('missing')
d|tojson | l|tojson | s|tojson | u|tojson | html|tojson | nothing|tojson | t|tojson | f|tojson | huge|tojson | big|tojson | d|tojson(indent=2) | [[], {}]|tojson(indent=4) | d|tojson(separators=(',', ':')) | d|tojson(sort_keys=true) | u|tojson(ensure_ascii=true) | {1: 2, true: 3}|tojson | '\x01\x7f\u2028'|tojson | people|tojson
s is string | n is string | n is number | t is number | t is integer | n is integer | f is float | t is boolean | nothing is none | nothing is not none | undefinedname is defined | undefinedname is undefined | d is mapping | l is mapping | l is iterable | s is iterable | n is iterable | l is sequence | d is sequence | n is odd | n is even | n is divisibleby(7) | n is divisibleby 2 | n is eq 7 | n is equalto 7 | n is gt(3) | n is lt 3 | 'a' is in ['a'] | t is true | t is false | 1 is true | t is sameas true | s is lower | 'ab' is lower | 'AB' is upper | raise_exception is callable | s is callable | d.missing is defined | d['a'] is defined and d.b is defined | not s is string | s is string and n is number
range(3)|list | range(1, 7, 2)|list | range(5, 0, -2)|list | range(0)|list | dict(a=1, b=2) | dict({'x': 1}, y=2) | namespace(x=1).x | dict(**d)|length | '-'.join(*[words])
""".strip()

TEMPLATES = [
    "", "plain", "a\n", "a\n\n", "a\r\nb\rc\r\n", "{{ s }}\n", "{{ s }}\n\n", "{# c #}\nx", "a\n  {# c #}\nb", "x {#- c -#} y", "a {{- s -}} b",
    "{% if t %}\nyes\n{% endif %}\n", "  {% if t %}\n  yes\n  {% endif %}\nend", "a  {% if t %} b {% endif %} c", "a\n\n  {%- if t -%}  \n b \n {%- endif -%}\n c", "  {%+ if t %}x{% endif %}", "{% if t +%}\nx{% endif %}", "{% if t %}\n\nx{% endif %}",
    "\t {% if t %}x{% endif %}\t {% if t %}y{% endif %}", "{% if no %}a{% elif n == 7 %}b{% else %}c{% endif %}", "{% if no %}a{% else %}\nc\n{% endif %}d",
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in el %}a{% else %}none{% endfor %}", "{% for x in l if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}", "{% for x in l if x > 9 %}{% else %}e{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for c in u %}[{{ c }}]{% endfor %}", "{% for x in undefinedname %}x{% else %}no{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}|{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}<{{ loop.nextitem }} {% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.depth }}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for y in l %}{% set x = x + y %}{{ x }},{% endfor %}{{ x }}", "{% set ns = namespace(x=0) %}{% for y in l %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}", "{% if t %}{% set x = 5 %}{% endif %}{{ x }}", "{% for x in l %}{% if t %}{% set y = x %}{% endif %}{{ y }}{% endfor %}{{ y }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "{% set x %}  <{{ s }}>\n{% endset %}[{{ x }}]", "{% set x | upper %}{{ s }}{% endset %}{{ x }}", "{% set x = 1, 2 %}{{ x }}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% macro m(a, b='x') %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 2) }} {{ m(b=3, a=4) }} {{ m() }}", "{% macro f(n) %}{{ n }}{% if n > 0 %},{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}", "{% macro m() %}{{ varargs }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{{ kwargs }}{{ varargs }}{% endmacro %}{{ m(1, 2, z=3) }}{{ m(a=4) }}", "{% set y = 1 %}{% macro m() %}{{ y }}{% endmacro %}{% set y = 2 %}{{ m() }}",
    "{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(v) m(3) %}[{{ v }}]{% endcall %}", "{% filter upper %}a{{ s }}{% endfilter %}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "{% raw %}{{ x }} {% if %}{% endraw %}\nb", "a\n  {% raw %}\n {{ x }}\n  {% endraw %}\nb", "{%- raw -%}  {{ x }}  {%- endraw -%}  b",
    "{% for item in people recursive %}{{ item.name }}{% if loop.depth < 2 %}{{ loop(people[:1]) }}{% endif %};{% endfor %}", "{{ {'a': {'b': 1}}.a.b }}", "{{ {'a': {'b': 1}} }}", "{{ '}}' }}{{ '%}' }}", "{{ s if t }}{{ s if no }}", "{{ [1, 2] | map('string') | join(',') }}",
    "{{ undefinedname }}", "[{{ d.missing }}]", "{{ nothing }}", "{{ l }}{{ d }}{{ (1, 2) }}", "{{ 1, 2 }}", "{%- set messages = people -%}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n {{- index }}\n{%- endfor %}\n", "{{- 'a\n' }}\n{{- 'b' }}", "  {{ s }}", "a\n    {{ s }}\n    {{- s }}\n",
    "{% set ns = namespace(a=1) %}{% set ns.b = 2 %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}", "{{ s.split(',')[-1].lstrip() }}", "{{ '<think>a</think>b'.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}", "{% if 'tool_calls' in people[0] and people[0].tool_calls %}x{% else %}y{% endif %}", "{% set x = people | selectattr('age', '==', 3) | list %}{{ x | length }}{{ x[0]['name'] }}",
    "{{ \"a\" if 1 is odd else \"b\" }}", "{% for i in range(2) %}\n  {{ i }}\n{% endfor %}", "{%- for i in range(2) -%}\n  {{ i }}\n{%- endfor -%}\n", "x{% set y = 1 %}\n\nz", "{% if t %}{# c #}\n{% endif %}a", "{{ s -}}\n\n  b", "{{ 'x' ~ 'y' | upper }}", "{{ 1 + 2 | string | length }}", "{{ (n - 1) // 2 * 3 }}", "{{ s | upper | replace('L', 'x') }}",
]

ERRORS = [
    "{{ s + 1 }}", "{{ 1 + none }}", "{{ undefinedname.x }}", "{{ undefinedname + 'a' }}", "{{ d.missing.x }}", "{{ d['missing']['x'] }}", "{{ undefinedname() }}", "{{ s() }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{% for x in n %}{% endfor %}", "{% for x in none %}{% endfor %}", "{{ n in n }}", "{{ n in s }}", "{{ 1 < 'a' }}", "{{ none < 1 }}",
    "{{ l.append(1) }}", "{{ d.update({}) }}", "{{ raise_exception('no') }}", "{% set s.x = 1 %}", "{{ s|nofilter }}", "{{ s is notest }}", "{% if %}{% endif %}", "{% if t %}", "{% endif %}", "{% for x l %}{% endfor %}", "{% nostatement %}", "{{ s", "{{ }}", "{{ 'a }}", "{# a", "{% raw %}x", "{{ 'a' ~ 1 + 2 }}", "{{ s. }}", "{{ s[ }}", "{{ (1 }}", "{{ 1) }}", "{{ a b }}", "{{ [1 2] }}", "{{ m(a=1, 2) }}",
    "{% break %}", "{% set a, b = [1] %}{{ a }}", "{{ undefinedname|tojson }}", "{{ el|nofilter(1) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=1) }}", "{{ 'a'.index('z') }}", "{{ 'a'.split('') }}", "{{ range(1000000)|list }}", "{{ ['a', 1]|sort }}", "{{ '%d' % 'a' }}", "{{ '%s%s' % 'a' }}", "{{ ','.join([1]) }}", "{{ n|length }}", "{{ s.startswith(1) }}", "{{ {[1]: 2} }}", "{{ none + none }}", "{{ -s }}", "{{ d * 2 }}", "{{ ? }}", "{% if t %}{% else %}{% elif t %}{% endif %}", "{{ loop.index }}",
]


def main():
    env = environment()
    templates = ["{{ " + e.strip() + " }}" for line in EXPRESSIONS.splitlines() for e in line.split(" | ") if e.strip()] + TEMPLATES
    cases = []
    for t in templates:
        try:
            cases.append({"template": t, "text": env.from_string(t).render(**V)})
        except Exception as error:
            print(f"{t}: {error}", file=sys.stderr)
    for t in ERRORS:
        try:
            text = env.from_string(t).render(**V)
        except Exception:
            cases.append({"template": t, "text": None})
        else:
            sys.exit(f"{t} gives {text!r}")
    json.dump({"jinja": jinja2.__version__, "variables": V, "cases": cases}, sys.stdout, indent=0)
    print()


main()
