//! Rust as a flat row of tokens with their lines, for the tidy test: macros are read too, which a syntax tree leaves
//! closed.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::Visit;

/// One word or sign and the line it stands on. Literals are left out: texts may say anything.
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// All tokens of a file; without what only tests see, when asked so.
pub fn tokens(text: &str, without_tests: bool) -> Vec<Token> {
    let stream: TokenStream = text.parse().expect("Rust");
    let mut found = Vec::new();
    flatten(stream, without_tests, &mut found);
    found
}

fn flatten(stream: TokenStream, without_tests: bool, found: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Group(group) => {
                let signs = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                found.push(Token { text: signs.0.to_owned(), line: group.span_open().start().line });
                flatten(group.stream(), without_tests, found);
                found.push(Token { text: signs.1.to_owned(), line: group.span_close().end().line });
            }
            TokenTree::Punct(sign) if without_tests && sign.as_char() == '#' && is_of_tests(trees.peek()) => {
                // What follows the attribute ends with its braces or with a semicolon.
                for skipped in trees.by_ref() {
                    match skipped {
                        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                        TokenTree::Punct(sign) if sign.as_char() == ';' => break,
                        _ => {}
                    }
                }
            }
            TokenTree::Literal(_) => {}
            other => found.push(Token { line: other.span().start().line, text: other.to_string() }),
        }
    }
}

/// The lines on which long texts stand: a sentence or an SQL text is not broken for the line's sake.
pub fn lines_of_texts(is_rust: bool, text: &str) -> BTreeSet<usize> {
    fn gather(stream: TokenStream, lines: &mut BTreeSet<usize>) {
        for tree in stream {
            match tree {
                TokenTree::Group(group) => gather(group.stream(), lines),
                TokenTree::Literal(literal) if literal.to_string().chars().count() > 40 => {
                    lines.extend(literal.span().start().line..=literal.span().end().line);
                }
                _ => {}
            }
        }
    }
    let mut lines = BTreeSet::new();
    if is_rust {
        gather(text.parse().expect("Rust"), &mut lines);
        // Comments that document are texts for the parser, and may well be broken.
        lines.retain(|line| !text.lines().nth(line - 1).is_some_and(|line| line.trim_start().starts_with("//")));
    }
    lines
}

fn is_of_tests(attribute: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = attribute else { return false };
    let text: String = group.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text == "test"
}

/// Name, first line and number of lines of every function with a body.
pub fn function_lengths(is_rust: bool, text: &str) -> Vec<(String, usize, usize)> {
    #[derive(Default)]
    struct Lengths(Vec<(String, usize, usize)>);

    impl Lengths {
        fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
            let first = signature.fn_token.span.start().line;
            let last = body.brace_token.span.close().end().line;
            self.0.push((signature.ident.to_string(), first, last - first + 1));
        }
    }

    impl<'a> Visit<'a> for Lengths {
        fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
            self.add(&function.sig, &function.block);
            syn::visit::visit_item_fn(self, function);
        }

        fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
            self.add(&function.sig, &function.block);
            syn::visit::visit_impl_item_fn(self, function);
        }

        fn visit_trait_item_fn(&mut self, function: &'a syn::TraitItemFn) {
            if let Some(body) = &function.default {
                self.add(&function.sig, body);
            }
            syn::visit::visit_trait_item_fn(self, function);
        }
    }

    let mut lengths = Lengths::default();
    if is_rust {
        lengths.visit_file(&syn::parse_file(text).expect("Rust"));
    }
    lengths.0
}
