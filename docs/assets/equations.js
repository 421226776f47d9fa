// Equations are written between \( \) and \[ \] in the HTML; draw them when a page has been shown.
document$.subscribe(({ body }) => renderMathInElement(body, {
  delimiters: [
    { left: "\\(", right: "\\)", display: false },
    { left: "\\[", right: "\\]", display: true },
  ],
}))
