//! The neutral chart of accounts. A school's own chart (Circular 24/2024 or the enterprise one) is a mapping over it.

/// An account of the neutral chart. A debit is positive, a credit is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Money that the bank's own statement shows.
    Bank,
    /// Money somebody told us of, which no statement shows yet.
    Clearing,
    /// Money that a wallet or a card gateway took for us and settles later, less its fees.
    ClearingGateway,
    /// What parents owe, line by line.
    ReceivableParent,
    /// What the State owes for a pupil.
    ReceivableState,
    /// What a family paid beyond its invoices.
    CreditBalanceFamily,
    /// Money whose owner is not known yet.
    SuspenseUnidentified,
    /// Tuition earned.
    RevenueTuition,
    /// Services earned.
    RevenueService,
    /// Fees raised under the law on fees and charges.
    RevenueLegalFee,
    /// Collected for somebody else: insurance, exam fees.
    PayablePassThrough,
    /// Exemptions, posted and not netted.
    ContraRevenueExemption,
    /// What wallets and gateways keep for themselves.
    ExpenseGatewayFee,
}

impl Account {
    /// Every account, in the order reports show them.
    pub const ALL: [Account; 13] = [
        Account::Bank,
        Account::Clearing,
        Account::ClearingGateway,
        Account::ReceivableParent,
        Account::ReceivableState,
        Account::CreditBalanceFamily,
        Account::SuspenseUnidentified,
        Account::RevenueTuition,
        Account::RevenueService,
        Account::RevenueLegalFee,
        Account::PayablePassThrough,
        Account::ContraRevenueExemption,
        Account::ExpenseGatewayFee,
    ];

    /// The text that is stored, exported and published.
    pub const fn code(self) -> &'static str {
        match self {
            Account::Bank => "bank",
            Account::Clearing => "clearing",
            Account::ClearingGateway => "clearing.gateway",
            Account::ReceivableParent => "receivable.parent",
            Account::ReceivableState => "receivable.state",
            Account::CreditBalanceFamily => "credit_balance.family",
            Account::SuspenseUnidentified => "suspense.unidentified",
            Account::RevenueTuition => "revenue.tuition",
            Account::RevenueService => "revenue.service",
            Account::RevenueLegalFee => "revenue.legal_fee",
            Account::PayablePassThrough => "payable.pass_through",
            Account::ContraRevenueExemption => "contra_revenue.exemption",
            Account::ExpenseGatewayFee => "expense.gateway_fee",
        }
    }

    /// The account of a stored text.
    pub fn of_code(code: &str) -> Option<Account> {
        Account::ALL.into_iter().find(|account| account.code() == code)
    }

    /// Where a fee item's kind of revenue is credited when it is issued: the word in `fee_item.revenue`.
    pub fn of_revenue(word: &str) -> Option<Account> {
        match word {
            "tuition" => Some(Account::RevenueTuition),
            "service" => Some(Account::RevenueService),
            "legal_fee" => Some(Account::RevenueLegalFee),
            "pass_through" => Some(Account::PayablePassThrough),
            _ => None,
        }
    }

    /// Where the account stands in a plain-text journal: hledger knows the five words before the first colon.
    pub const fn journal(self) -> &'static str {
        match self {
            Account::Bank => "assets:bank",
            Account::Clearing => "assets:clearing",
            Account::ClearingGateway => "assets:gateway",
            Account::ReceivableParent => "assets:receivable:parent",
            Account::ReceivableState => "assets:receivable:state",
            Account::CreditBalanceFamily => "liabilities:credit_balance:family",
            Account::SuspenseUnidentified => "liabilities:suspense:unidentified",
            Account::RevenueTuition => "revenues:tuition",
            Account::RevenueService => "revenues:service",
            Account::RevenueLegalFee => "revenues:legal_fee",
            Account::PayablePassThrough => "liabilities:payable:pass_through",
            Account::ContraRevenueExemption => "revenues:contra:exemption",
            Account::ExpenseGatewayFee => "expenses:gateway_fee",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_is_found_again_by_its_code() {
        for account in Account::ALL {
            assert_eq!(Account::of_code(account.code()), Some(account));
        }
        assert_eq!(Account::of_code("petty_cash"), None);
    }
}
